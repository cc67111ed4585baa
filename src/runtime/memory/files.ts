import { posix } from "node:path";

export interface MemoryFile {
  readonly data: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedAtMs: number;
}

/** Files and folders by absolute path; no links. */
export class FileTree {
  readonly files = new Map<string, MemoryFile>();
  readonly folders = new Set<string>(["/"]);

  makeFolder(path: string): void {
    for (let at = posix.normalize(path); !this.folders.has(at); at = posix.dirname(at)) this.folders.add(at);
  }

  write(path: string, file: MemoryFile): void {
    this.makeFolder(posix.dirname(path));
    this.files.set(path, file);
  }

  /** Everything at and below `prefix`, by path relative to it (`""` for a file at the prefix itself). */
  *below(prefix: string): Generator<readonly [string, MemoryFile]> {
    const start = prefix === "/" ? "/" : `${prefix}/`;
    for (const [path, file] of this.files) {
      if (path === prefix) yield ["", file];
      else if (path.startsWith(start)) yield [path.slice(start.length), file];
    }
  }
}

export interface FileMount {
  readonly target: string;
  readonly tree: FileTree;
  /** Where in the tree the target shows. */
  readonly prefix: string;
  readonly isReadOnly: boolean;
}

/** What a container sees: its root and what is mounted over it. */
export class ContainerFiles {
  readonly root: FileTree;
  readonly mounts: readonly FileMount[];
  readonly isReadOnly: boolean;

  constructor(root: FileTree, mounts: readonly FileMount[], isReadOnly: boolean) {
    this.root = root;
    this.mounts = [...mounts].sort((a, b) => b.target.length - a.target.length);
    this.isReadOnly = isReadOnly;
  }

  read(path: string): MemoryFile | undefined {
    const { tree, inner } = this.#locate(path);
    return tree.files.get(inner);
  }

  isFolder(path: string): boolean {
    if (this.mounts.some((mount) => mount.target === path)) return this.read(path) === undefined;
    const { tree, inner } = this.#locate(path);
    return tree.folders.has(inner);
  }

  /** False where it may not be written. */
  write(path: string, file: MemoryFile, isForced = false): boolean {
    const { tree, inner, isReadOnly } = this.#locate(path);
    if (isReadOnly && !isForced) return false;
    tree.write(inner, file);
    return true;
  }

  makeFolder(path: string): boolean {
    const { tree, inner, isReadOnly } = this.#locate(path);
    if (!isReadOnly) tree.makeFolder(inner);
    return !isReadOnly;
  }

  remove(path: string): boolean {
    const { tree, inner, isReadOnly } = this.#locate(path);
    return !isReadOnly && (tree.files.delete(inner) || tree.folders.delete(inner));
  }

  list(path: string): readonly (readonly [string, MemoryFile])[] {
    const { tree, inner } = this.#locate(path);
    return [...tree.below(inner)];
  }

  #locate(path: string): { tree: FileTree; inner: string; isReadOnly: boolean } {
    const clean = posix.normalize(path).replace(/(.)\/$/, "$1");
    for (const mount of this.mounts) {
      if (clean !== mount.target && !clean.startsWith(`${mount.target}/`)) continue;
      const rest = clean.slice(mount.target.length);
      return {
        tree: mount.tree,
        inner: posix.normalize(`${mount.prefix}${rest}` || "/"),
        isReadOnly: mount.isReadOnly,
      };
    }
    return { tree: this.root, inner: clean, isReadOnly: this.isReadOnly };
  }
}
