import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  type Stats,
} from "node:fs";
import { basename, dirname } from "node:path";
import { hasKind, RuntimeError } from "../../index.ts";

/** Not among Node's constants; the same on every architecture of Linux we run on. */
const O_PATH = 0o10000000;
const OPEN_FOLDER = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** As the kernel's own. */
const MAX_LINKS = 40;

/** A name in a pinned folder: nothing that happens in the container meanwhile moves it elsewhere. */
export interface Place {
  /** Path that reaches the file itself, its last part not followed: through the pinned folder. */
  readonly path: string;
  /** Where it is, as the container sees it. */
  readonly insidePath: string;
  readonly name: string;
  /** Open descriptor of the pinned folder. */
  readonly folder: number;
  /** Undefined: nothing is there. */
  readonly stat: Stats | undefined;
}

export interface LocateOptions {
  /** Follow the last part when it is a link. Default true. */
  readonly follow?: boolean;
  /** Make folders that are missing on the way. */
  readonly makeFolders?: boolean;
}

/** A folder of a container that lies elsewhere on the machine (volumes of one that does not run). */
export interface MountedAt {
  readonly target: string;
  readonly source: string;
  readonly isReadOnly?: boolean;
}

/**
 * A container's file system, entered part by part through pinned folders, links resolved by us and always
 * inside: whatever the container swaps while we walk, no step ever leaves its root. Close it after use.
 */
export class ContainerRoot {
  readonly #root: number;
  /** By where they are inside, links on the way to their targets resolved. */
  readonly #mounts = new Map<string, MountedAt>();
  readonly #opened: number[] = [];

  /** `mounts`: outer ones first. Folders that are missing on the way to them are made, as a start makes them. */
  constructor(rootDir: string, mounts: readonly MountedAt[] = []) {
    this.#root = this.#keep(openSync(rootDir, O_PATH | constants.O_DIRECTORY));
    try {
      for (const mount of mounts) this.#mount(mount);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Where a mount's target is inside. */
  mountPoint(target: string): string {
    for (const [insidePath, mount] of this.#mounts) if (mount.target === target) return insidePath;
    return target;
  }

  /** Where a path leads. A missing last part is a place without `stat`; a missing folder is `not-found`. */
  locate(path: string, { follow = true, makeFolders = false }: LocateOptions = {}): Place {
    const parts = path.split("/").filter((part) => part !== "");
    const mustBeFolder = /\/\.?$/.test(path);
    const trail: { readonly fd: number; readonly name: string }[] = [];
    let links = 0;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      if (part === ".") continue;
      if (part === "..") {
        trail.pop();
        continue;
      }
      const at = this.#placeIn(trail, part);
      const isLast = parts.every((rest) => rest === ".");
      if (at.stat?.isSymbolicLink() && (!isLast || follow || mustBeFolder)) {
        if (++links > MAX_LINKS) throw notFound(path, "too many levels of symbolic links");
        const target = readlinkSync(at.path);
        if (target.startsWith("/")) trail.length = 0;
        parts.unshift(...target.split("/").filter((word) => word !== ""));
        continue;
      }
      if (isLast && !at.stat?.isDirectory()) {
        if (mustBeFolder && at.stat !== undefined) throw notFound(path, "not a directory");
        return at;
      }
      if (isLast && at.stat !== undefined) return at;
      if (at.stat === undefined) {
        if (!makeFolders || this.#isReadOnly(at.insidePath))
          throw notFound(path, "no such file or directory");
        mkdirSync(at.path, 0o755);
      }
      trail.push({ fd: this.#openFolder(at, path), name: part });
    }
    return this.#self(trail);
  }

  /** The place as a descriptor of the folder it is; `not-found` when it is none. Closed with the root. */
  openFolder(place: Place): number {
    return this.#openFolder(place, place.insidePath);
  }

  /**
   * What lies there now, as a descriptor without access, whatever takes its name from now on; `not-found` when a link
   * already has. Closed with the root.
   */
  open(place: Place): number {
    if (place.path.endsWith("/.")) return this.openFolder(place);
    let fd: number;
    try {
      fd = this.#keep(openSync(place.path, O_PATH | constants.O_NOFOLLOW));
    } catch (cause) {
      throw notFound(place.insidePath, "no such file or directory", cause);
    }
    if (fstatSync(fd).isSymbolicLink())
      throw notFound(place.insidePath, "it was replaced by a link meanwhile");
    return fd;
  }

  /** A small file's text, at most `maxBytes` of it; undefined when it is missing or no plain file. */
  readText(path: string, maxBytes: number): string | undefined {
    try {
      const { path: pinned, stat } = this.locate(path);
      if (!stat?.isFile()) return undefined;
      const fd = openSync(pinned, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
      try {
        if (!fstatSync(fd).isFile()) return undefined;
        const buffer = Buffer.alloc(Math.min(fstatSync(fd).size, maxBytes));
        return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0)).toString("utf8");
      } finally {
        closeSync(fd);
      }
    } catch {
      return undefined;
    }
  }

  close(): void {
    for (const fd of this.#opened.splice(0)) closeSync(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** One that has no place, a start will complain of; until then it is not to be seen. */
  #mount(mount: MountedAt): void {
    try {
      this.#mounts.set(this.locate(mount.target, { makeFolders: true }).insidePath, mount);
    } catch (error) {
      if (!hasKind(error, "not-found")) throw error;
    }
  }

  #isReadOnly(insidePath: string): boolean {
    for (let path = insidePath; path !== "/"; path = dirname(path)) {
      const mount = this.#mounts.get(path);
      if (mount !== undefined) return mount.isReadOnly === true;
    }
    return false;
  }

  #placeIn(trail: readonly { readonly fd: number; readonly name: string }[], name: string): Place {
    const insidePath = `/${[...trail.map((step) => step.name), name].join("/")}`;
    const source = this.#mounts.get(insidePath)?.source;
    const folder =
      source === undefined
        ? (trail.at(-1)?.fd ?? this.#root)
        : this.#keep(openSync(dirname(source), O_PATH | constants.O_DIRECTORY));
    const path = `/proc/self/fd/${folder}/${source === undefined ? name : basename(source)}`;
    return { path, insidePath, name, folder, stat: lstatSync(path, { throwIfNoEntry: false }) };
  }

  #self(trail: readonly { readonly fd: number; readonly name: string }[]): Place {
    const fd = trail.at(-1)?.fd ?? this.#root;
    const insidePath = `/${trail.map((step) => step.name).join("/")}`;
    const path = `/proc/self/fd/${fd}/.`;
    return { path, insidePath, name: trail.at(-1)?.name ?? "/", folder: fd, stat: lstatSync(path) };
  }

  #openFolder(place: Place, wanted: string): number {
    try {
      const flags = place.path.endsWith("/.") ? O_PATH | constants.O_DIRECTORY : OPEN_FOLDER;
      return this.#keep(openSync(place.path, flags));
    } catch (cause) {
      throw notFound(wanted, "not a directory", cause);
    }
  }

  #keep(fd: number): number {
    this.#opened.push(fd);
    return fd;
  }
}

function notFound(path: string, why: string, cause?: unknown): RuntimeError {
  return new RuntimeError("not-found", `${path}: ${why}`, cause === undefined ? {} : { cause });
}
