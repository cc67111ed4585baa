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
/** Twice as many as the kernel takes in one path; links could make it forty times that. */
const MAX_LOOKS = 4096;

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

/** One whose source's folder is pinned. */
interface PinnedMount extends MountedAt {
  readonly folder: number;
}

/**
 * A container's file system, entered part by part through pinned folders, links resolved by us and always
 * inside: whatever the container swaps while we walk, no step ever leaves its root. Close it after use.
 */
export class ContainerRoot {
  readonly #root: number;
  /** By where they are inside, links on the way to their targets resolved. */
  readonly #mounts = new Map<string, PinnedMount>();
  /** Descriptors of the root and of what mounts lie in. */
  readonly #held: number[] = [];
  /** Those of places. */
  readonly #given: number[] = [];

  /** `mounts`: outer ones first. Folders that are missing on the way to them are made, as a start makes them. */
  constructor(rootDir: string, mounts: readonly MountedAt[] = []) {
    this.#root = this.#hold(rootDir);
    try {
      for (const mount of mounts) this.#mount(mount);
      this.letGo();
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
    const parts = partsOf(path);
    const mustBeFolder = /\/\.?$/.test(path);
    using walk = new Walk(path, this.#root, this.#mounts);
    let links = 0;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      if (part === ".") continue;
      if (part === "..") {
        walk.up();
        continue;
      }
      const at = walk.look(part);
      const isLast = parts.every((rest) => rest === ".");
      if (at.stat?.isSymbolicLink() && (!isLast || follow || mustBeFolder)) {
        if (++links > MAX_LINKS) throw notFound(path, "too many levels of symbolic links");
        const target = readlinkSync(at.path);
        if (target.startsWith("/")) walk.restart();
        parts.unshift(...partsOf(target));
        continue;
      }
      if (isLast) {
        if (mustBeFolder && at.stat?.isDirectory() === false) throw notFound(path, "not a directory");
        return this.#pinned(walk, at);
      }
      if (at.stat === undefined) {
        if (!makeFolders || this.#isReadOnly(at.insidePath))
          throw notFound(path, "no such file or directory");
        mkdirSync(at.path, 0o755);
      }
      walk.enter(at);
    }
    return this.#pinned(walk, walk.here());
  }

  /** The place as a descriptor of the folder it is; `not-found` when it is none. Closed with the root. */
  openFolder(place: Place): number {
    return this.#keep(openFolder(place, place.insidePath));
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

  /** The beginning of a file. Undefined when it is no plain one: nothing else is opened, whatever comes in its place. */
  read(place: Place, maxBytes: number): Buffer | undefined {
    const held = this.open(place);
    const stat = fstatSync(held);
    if (!stat.isFile()) return undefined;
    const fd = openSync(`/proc/self/fd/${held}`, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const buffer = Buffer.alloc(Math.min(stat.size, maxBytes));
      return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
    } finally {
      closeSync(fd);
    }
  }

  /** A small file's text, at most `maxBytes` of it; undefined when it is missing or no plain file. */
  readText(path: string, maxBytes: number): string | undefined {
    try {
      return this.read(this.locate(path), maxBytes)?.toString("utf8");
    } catch {
      return undefined;
    }
  }

  /** Places that were located so far, and what was opened of them, are of no more use. */
  letGo(): void {
    for (const fd of this.#given.splice(0)) closeSync(fd);
  }

  close(): void {
    this.letGo();
    for (const fd of this.#held.splice(0)) closeSync(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** One that has no place, a start will complain of; until then it is not to be seen. */
  #mount(mount: MountedAt): void {
    try {
      const { insidePath } = this.locate(mount.target, { makeFolders: true });
      this.#mounts.set(insidePath, { ...mount, folder: this.#hold(dirname(mount.source)) });
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

  /** The place outlives the walk to it. */
  #pinned(walk: Walk, place: Place): Place {
    const folder = walk.release();
    if (folder !== undefined) this.#keep(folder);
    return place;
  }

  #hold(path: string): number {
    const fd = openSync(path, O_PATH | constants.O_DIRECTORY);
    this.#held.push(fd);
    return fd;
  }

  #keep(fd: number): number {
    this.#given.push(fd);
    return fd;
  }
}

/** A way through a root. One folder is open at a time, and the way is not without end, whatever links make of a path. */
class Walk {
  readonly #path: string;
  readonly #root: number;
  readonly #mounts: ReadonlyMap<string, PinnedMount>;
  /** Where it has come to: no slash at its end. */
  #inside = "";
  /** Undefined: to be entered yet. */
  #folder: number | undefined;
  #looks = 0;

  constructor(path: string, root: number, mounts: ReadonlyMap<string, PinnedMount>) {
    this.#path = path;
    this.#root = root;
    this.#mounts = mounts;
    this.#folder = root;
  }

  look(name: string): Place {
    if (++this.#looks > MAX_LOOKS) throw notFound(this.#path, "too many folders on the way");
    const here = this.#entered();
    const insidePath = `${this.#inside}/${name}`;
    const mount = this.#mounts.size === 0 ? undefined : this.#mounts.get(insidePath);
    const folder = mount?.folder ?? here;
    const path = `/proc/self/fd/${folder}/${mount === undefined ? name : basename(mount.source)}`;
    return { path, insidePath, name, folder, stat: lstatSync(path, { throwIfNoEntry: false }) };
  }

  /** The folder itself that it has come to. */
  here(): Place {
    const folder = this.#entered();
    const path = `/proc/self/fd/${folder}/.`;
    const insidePath = this.#inside || "/";
    return { path, insidePath, name: basename(insidePath) || "/", folder, stat: lstatSync(path) };
  }

  enter(place: Place): void {
    this.#moveTo(openFolder(place, this.#path));
    this.#inside = place.insidePath;
  }

  /** From there on by its name, from the root: what a folder has above it may be moved meanwhile. */
  up(): void {
    this.#inside = this.#inside.slice(0, Math.max(0, this.#inside.lastIndexOf("/")));
    this.#moveTo(undefined);
  }

  restart(): void {
    this.#inside = "";
    this.#moveTo(this.#root);
  }

  /** The open folder, which is the caller's to close; undefined when it is the root. */
  release(): number | undefined {
    const folder = this.#folder === this.#root ? undefined : this.#folder;
    this.#folder = undefined;
    return folder;
  }

  [Symbol.dispose](): void {
    this.#moveTo(undefined);
  }

  #entered(): number {
    if (this.#folder !== undefined) return this.#folder;
    const names = partsOf(this.#inside);
    this.restart();
    for (const name of names) this.enter(this.look(name));
    return this.#folder ?? this.#root;
  }

  #moveTo(folder: number | undefined): void {
    if (this.#folder !== undefined && this.#folder !== this.#root) closeSync(this.#folder);
    this.#folder = folder;
  }
}

function openFolder(place: Place, wanted: string): number {
  try {
    return openSync(place.path, place.path.endsWith("/.") ? O_PATH | constants.O_DIRECTORY : OPEN_FOLDER);
  } catch (cause) {
    throw notFound(wanted, "not a directory", cause);
  }
}

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}

function notFound(path: string, why: string, cause?: unknown): RuntimeError {
  return new RuntimeError("not-found", `${path}: ${why}`, cause === undefined ? {} : { cause });
}
