import { type BigIntStats, type FSWatcher, watch } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface WatchTreeOptions {
  /** Told of each file that was made or written, and of each name, a file's or a folder's, that is gone below the path. */
  readonly onChange: (path: string) => void;
  /** Told when something that came later cannot be watched. */
  readonly onError: (error: unknown) => void;
  /** Whether a folder, with all below it, need not be watched. */
  readonly isLeftOut?: (folder: string) => boolean;
}

/** A folder that is watched. */
interface Folder {
  readonly path: string;
  /** Tells it from another of the same name. */
  readonly identity: string;
  readonly watcher: FSWatcher | undefined;
  /** By path. */
  readonly folders: Map<string, Folder>;
  /** Whether there is something inside that has the folder's own name. */
  hasNamesake: boolean;
  isLetGo: boolean;
}

/**
 * Watches a file, or all files below a folder, by their names: one watch for each folder. Node's recursive watch follows
 * the files that it found first, and hears nothing of those that take their places, as most editors save.
 */
export class WatchTree {
  readonly #path: string;
  readonly #options: WatchTreeOptions;
  /** Whether the path was that of a folder at first. */
  #isFolder = false;
  /** The folder that the path itself is a name in: there it goes and comes back. */
  #above: Folder | undefined;
  /** What is still to be looked at, by path: in order and one at a time, so that no older look outdoes a newer one. */
  readonly #happened = new Map<string, Folder>();
  #isLooking = false;
  #isClosed = false;

  private constructor(path: string, options: WatchTreeOptions) {
    this.#path = path;
    this.#options = options;
  }

  /** From when it resolves, no change is missed. */
  static async open(path: string, options: WatchTreeOptions): Promise<WatchTree> {
    const tree = new WatchTree(path, options);
    try {
      await tree.#start();
    } catch (error) {
      tree.close();
      throw error;
    }
    return tree;
  }

  close(): void {
    this.#isClosed = true;
    this.#happened.clear();
    if (this.#above !== undefined) letGo(this.#above);
  }

  async #start(): Promise<void> {
    this.#isLooking = true;
    this.#isFolder = (await stat(this.#path)).isDirectory();
    this.#above = this.#watchAbove();
    this.#above.hasNamesake = true;
    const identity = await this.#folderAt(this.#path);
    if (identity !== undefined) await this.#enter(this.#above, this.#path, identity);
    this.#isLooking = false;
    void this.#look();
  }

  #watchAbove(): Folder {
    const path = dirname(this.#path);
    try {
      return this.#watch(path, "");
    } catch (error) {
      // One may watch a folder without the right to read where it lies.
      if (this.#isFolder) return folderOf(path, "");
      throw error;
    }
  }

  #watch(path: string, identity: string): Folder {
    const watcher = watch(path, (_event, name) => {
      if (name !== null) this.#onEvent(folder, join(path, name));
    });
    watcher.on("error", this.#options.onError);
    const folder = folderOf(path, identity, watcher);
    return folder;
  }

  #onEvent(folder: Folder, path: string): void {
    if (this.#isClosed || (folder === this.#above && path !== this.#path)) return;
    this.#happened.set(path, folder);
    void this.#look();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    // The loop comes by what is added meanwhile, too.
    for (const [path, folder] of this.#happened) {
      this.#happened.delete(path);
      try {
        await this.#lookAt(path, folder);
      } catch (error) {
        if (!this.#isClosed) this.#options.onError(error);
      }
    }
    this.#isLooking = false;
  }

  async #lookAt(path: string, folder: Folder): Promise<void> {
    const { onChange } = this.#options;
    const found = await this.#statOf(path);
    if (basename(path) === basename(folder.path)) {
      // An event of the folder itself looks like this, too; where it lies there is one as well.
      if (found === undefined && !folder.hasNamesake) return;
      folder.hasNamesake = found !== undefined;
    }
    const known = folder.folders.get(path);
    const identity = found?.isDirectory() === true ? identityOf(found) : undefined;
    if (known !== undefined && known.identity === identity) return;
    if (known !== undefined) {
      letGo(known);
      folder.folders.delete(path);
    }
    if (identity !== undefined) await this.#enter(folder, path, identity, onChange);
    else if (path !== this.#path || !this.#isFolder) onChange(path);
  }

  /**
   * Watches a folder and those below it. Each is watched before it is read, so that what is made in between is told, and
   * known by what it was before that, so that another that takes its place is not taken for it.
   */
  async #enter(
    parent: Folder,
    path: string,
    identity: string,
    onFile?: (path: string) => void,
  ): Promise<void> {
    if (this.#isClosed || parent.isLetGo || (path !== this.#path && this.#options.isLeftOut?.(path) === true))
      return;
    try {
      const folder = this.#watch(path, identity);
      parent.folders.set(path, folder);
      for (const entry of await readdir(path, { withFileTypes: true })) {
        const inner = join(path, entry.name);
        if (entry.name === basename(path)) folder.hasNamesake = true;
        const innerIdentity = entry.isDirectory() ? await this.#folderAt(inner) : undefined;
        if (innerIdentity !== undefined) await this.#enter(folder, inner, innerIdentity, onFile);
        else if (!entry.isDirectory()) onFile?.(inner);
      }
    } catch (error) {
      // Gone again: where it lay, an event says so.
      if (!isGone(error)) throw error;
    }
  }

  async #folderAt(path: string): Promise<string | undefined> {
    const found = await this.#statOf(path);
    return found?.isDirectory() === true ? identityOf(found) : undefined;
  }

  /** The path itself may be a link to what is to be watched. */
  async #statOf(path: string): Promise<BigIntStats | undefined> {
    const look = path === this.#path ? stat : lstat;
    return await look(path, { bigint: true }).catch(() => undefined);
  }
}

function folderOf(path: string, identity: string, watcher?: FSWatcher): Folder {
  return { path, identity, watcher, folders: new Map(), hasNamesake: false, isLetGo: false };
}

/** Filesystems give the number of a removed folder to the next one. */
function identityOf({ dev, ino, birthtimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${birthtimeNs}`;
}

function letGo(folder: Folder): void {
  folder.isLetGo = true;
  folder.watcher?.close();
  for (const inner of folder.folders.values()) letGo(inner);
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
