import { Transform, type TransformCallback } from "node:stream";
import { RuntimeError } from "../../index.ts";
import { LayerLinks } from "./layer-links.ts";
import {
  baseOf,
  cleanPath,
  parentOf,
  refused,
  type WhiteoutMeaning,
  whiteoutMeaning,
} from "./layer-names.ts";
import { allowedXattrs } from "./layer-xattrs.ts";
import { formatEntry, paddingOf, TAR_BLOCK, type TarEntry, TarReader } from "./tar/index.ts";

/** Highest time every Linux file system of today keeps (year 2242). */
const MAX_SECONDS = 2 ** 33;
/** Of the names and attributes that are kept until the layer's end. */
const MAX_KEPT_BYTES = 1 << 27;
/** Of the names of implied folders: each is looked for in the layers below, folder by folder. */
const MAX_IMPLIED_BYTES = 1 << 25;
/** At what lies in folders that are replaced; 2000 of them among 60,000 are that many. */
const MAX_LOOKS = 1 << 27;
/** What an attribute takes beside its name and value. */
const ATTRIBUTE_BYTES = 200;
const MAX_ID = 2 ** 32 - 2;
/** The kernel's: more bits would be lost on the way to it. */
const MAX_MAJOR = 2 ** 12 - 1;
const MAX_MINOR = 2 ** 20 - 1;

export interface LayerFilterOptions {
  /** Ordinary files rather than a layer: names like whiteouts have no meaning. */
  readonly isPlain?: boolean;
  readonly maxEntries: number;
  /** Of unpacked file data. */
  readonly maxBytes: number;
}

const PLAIN: WhiteoutMeaning = { kind: "none" };

/** What the layer holds that a plain unpacking of the filtered stream does not say. */
export interface LayerContent {
  readonly entries: number;
  /** Sum of the sizes of its files. */
  readonly sizeBytes: number;
  /** Folders that entries lie in but that have no entry: they look as they do in the layer below. */
  readonly impliedFolders: readonly string[];
  readonly whiteouts: readonly string[];
  readonly opaqueFolders: readonly string[];
}

/**
 * From a layer's tar, in whatever dialect and with whatever intent, to one that can be unpacked into an empty
 * folder: every header is written anew from what was understood, so no other reader can understand more.
 * Whiteouts are taken out (see `content`), names stay inside, links are never walked through, attributes with a
 * meaning to the overlay are dropped. Hostile entries are refused with `invalid`.
 */
export class LayerFilter extends Transform {
  readonly #options: LayerFilterOptions;
  readonly #reader: TarReader;
  readonly #links = new LayerLinks((bytes) => this.#keep(bytes));
  /** Folders so far; the value is the last entry, or undefined for one that is only implied. */
  readonly #folders = new Map<string, TarEntry | undefined>([["", undefined]]);
  readonly #whiteouts = new Set<string>();
  readonly #opaqueFolders = new Set<string>();
  #entries = 0;
  #sizeBytes = 0;
  #keptBytes = 0;
  #impliedFolders = 0;
  #impliedBytes = 0;
  #looks = 0;
  #isSkipping = false;
  #dataLeft = 0;
  #padding = 0;
  #output: Buffer[] = [];

  constructor(options: LayerFilterOptions) {
    super({ readableHighWaterMark: 1 << 16, writableHighWaterMark: 1 << 16 });
    this.#options = options;
    this.#reader = new TarReader({
      onEntry: (entry) => this.#onEntry(entry),
      onData: (chunk) => this.#onData(chunk),
    });
  }

  /** Complete once the stream has ended. */
  get content(): LayerContent {
    return {
      entries: this.#entries,
      sizeBytes: this.#sizeBytes,
      impliedFolders: [...this.#folders].filter(([, entry]) => entry === undefined).map(([path]) => path),
      whiteouts: [...this.#whiteouts],
      opaqueFolders: [...this.#opaqueFolders],
    };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      this.#reader.write(chunk);
      done(null, this.#takeOutput());
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _flush(done: TransformCallback): void {
    try {
      this.#reader.end();
      for (const folder of this.#opaqueFolders) this.#output.push(this.#opaqueEntry(folder));
      this.#output.push(Buffer.alloc(2 * TAR_BLOCK));
      done(null, this.#takeOutput());
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #takeOutput(): Buffer | undefined {
    const output = this.#output;
    this.#output = [];
    return output.length > 1 ? Buffer.concat(output) : output[0];
  }

  #onEntry(entry: TarEntry): void {
    this.#count(entry);
    this.#isSkipping = false;
    const path = this.#links.resolveParents(cleanPath(entry.name));
    const meaning = this.#options.isPlain === true ? PLAIN : whiteoutMeaning(path);
    if (meaning.kind !== "none") this.#isSkipping = true;
    if (meaning.kind === "opaque") this.#addOpaque(meaning.folder);
    else if (meaning.kind === "whiteout") this.#addWhiteout(meaning.hidden);
    else if (meaning.kind === "none") this.#emit(path, entry);
    this.#dataLeft = entry.storedBytes;
    this.#padding = paddingOf(entry.storedBytes);
  }

  #onData(chunk: Buffer): void {
    if (this.#isSkipping) return;
    this.#output.push(chunk);
    this.#dataLeft -= chunk.length;
    if (this.#dataLeft === 0 && this.#padding > 0) this.#output.push(Buffer.alloc(this.#padding));
  }

  #count(entry: TarEntry): void {
    this.#entries += 1;
    this.#checkCount();
    // Holes take no room: what a sparse file pretends to be is no danger to the disk.
    this.#sizeBytes += entry.storedBytes;
    if (this.#sizeBytes > this.#options.maxBytes)
      throw new RuntimeError("exhausted", `Cannot unpack layer: no space for ${this.#sizeBytes} bytes`);
  }

  #checkCount(): void {
    if (this.#entries + this.#impliedFolders > this.#options.maxEntries)
      throw new RuntimeError(
        "exhausted",
        `Cannot unpack layer: more than ${this.#options.maxEntries} entries`,
      );
  }

  /** Called before so much more is kept until the end. */
  #keep(bytes: number): void {
    this.#keptBytes += bytes;
    if (this.#keptBytes > MAX_KEPT_BYTES)
      throw new RuntimeError("exhausted", "Cannot unpack layer: its folders and links take too much memory");
  }

  #addOpaque(folder: string): void {
    this.#keep(folder.length);
    this.#implyParents(`${folder}/`);
    this.#opaqueFolders.add(folder);
  }

  #addWhiteout(hidden: string): void {
    this.#keep(hidden.length);
    this.#implyParents(hidden);
    this.#whiteouts.add(hidden);
  }

  #emit(path: string, entry: TarEntry): void {
    if (path === "" && entry.type !== "directory") {
      this.#isSkipping = true;
      return;
    }
    this.#implyParents(path);
    const plain = plainEntry(path, entry, this.#hardlinkTarget(entry));
    this.#rememberLink(path, plain);
    if (plain.type === "directory") this.#addFolder(path, plain);
    else if (this.#folders.has(path)) this.#forgetFolder(path);
    this.#output.push(formatEntry(plain));
  }

  #addFolder(path: string, entry: TarEntry): void {
    this.#keep(path.length);
    this.#folders.set(path, { ...entry, xattrs: this.#kept(entry.xattrs) });
  }

  /** A value that is only a part of its header would keep all of that, up to 1 MiB. */
  #kept(xattrs: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
    if (xattrs.size === 0) return xattrs;
    const kept = new Map<string, Buffer>();
    for (const [name, value] of xattrs) {
      this.#keep(name.length + value.length + ATTRIBUTE_BYTES);
      kept.set(name, Buffer.alloc(value.length, value));
    }
    return kept;
  }

  #rememberLink(path: string, entry: TarEntry): void {
    if (entry.type === "symlink") this.#links.set(path, entry.linkName);
    else if (entry.type === "hardlink") this.#links.copy(cleanPath(entry.linkName), path);
    else this.#links.forget(path);
  }

  #hardlinkTarget(entry: TarEntry): string {
    if (entry.type !== "hardlink") return entry.linkName;
    const target = this.#links.resolveParents(cleanPath(entry.linkName));
    if (target === "") throw refused(entry.name, "a hard link to a folder");
    return target;
  }

  #implyParents(path: string): void {
    for (let parent = parentOf(path); !this.#folders.has(parent); parent = parentOf(parent)) {
      this.#impliedFolders += 1;
      this.#checkCount();
      this.#impliedBytes += parent.length;
      if (this.#impliedBytes > MAX_IMPLIED_BYTES)
        throw new RuntimeError(
          "exhausted",
          "Cannot unpack layer: too many folders have no entry of their own",
        );
      this.#folders.set(parent, undefined);
    }
  }

  /** Something else is in its place from now on: what was said of what it held is no longer of this layer. */
  #forgetFolder(path: string): void {
    this.#looks += this.#folders.size + this.#whiteouts.size + this.#opaqueFolders.size;
    if (this.#looks > MAX_LOOKS)
      throw new RuntimeError("exhausted", "Cannot unpack layer: too many of its folders are replaced");
    const inside = `${path}/`;
    const isGone = (other: string): boolean => other === path || other.startsWith(inside);
    for (const folder of this.#folders.keys()) if (isGone(folder)) this.#folders.delete(folder);
    for (const marked of [this.#whiteouts, this.#opaqueFolders])
      for (const other of marked) if (isGone(other)) marked.delete(other);
  }

  /** The folder once more, with the mark by which overlayfs hides what lies below it. */
  #opaqueEntry(folder: string): Buffer {
    const known = this.#folders.get(folder);
    const base = known ?? { ...EMPTY_FOLDER, name: entryName(folder, "directory") };
    const xattrs = new Map([...base.xattrs, ["trusted.overlay.opaque", Buffer.from("y")] as const]);
    return formatEntry({ ...base, xattrs });
  }
}

export const EMPTY_FOLDER: TarEntry = {
  name: "",
  type: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  storedBytes: 0,
  fileBytes: 0,
  mtime: { seconds: 0, nanoseconds: 0 },
  linkName: "",
  deviceMajor: 0,
  deviceMinor: 0,
  xattrs: new Map(),
};

/** `./` in front keeps a name that begins with a dash or is empty from meaning anything else. */
export function entryName(path: string, type: TarEntry["type"]): string {
  return type === "directory" ? (path === "" ? "./" : `./${path}/`) : `./${path}`;
}

function plainEntry(path: string, entry: TarEntry, linkName: string): TarEntry {
  if (entry.type === "character-device" && entry.deviceMajor === 0 && entry.deviceMinor === 0)
    throw refused(entry.name, "a device 0:0 is the overlay's own mark");
  if (!isWithin(entry.deviceMajor, MAX_MAJOR) || !isWithin(entry.deviceMinor, MAX_MINOR))
    throw refused(entry.name, "no device has such numbers");
  if (entry.sparse?.slice(0, -1).some(({ length }) => length % TAR_BLOCK !== 0))
    throw refused(entry.name, "a part of the sparse file, other than the last, is no number of whole blocks");
  if (entry.type === "symlink" && (linkName === "" || linkName.length > 4095))
    throw refused(entry.name, "the target of the link is empty or too long");
  if (entry.type !== "directory" && entry.type !== "file" && baseOf(path) === "")
    throw refused(entry.name, "it has no name");
  return {
    ...entry,
    name: entryName(path, entry.type),
    linkName: entry.type === "hardlink" ? `./${linkName}` : entry.type === "symlink" ? linkName : "",
    uid: ownerId(entry.uid),
    gid: ownerId(entry.gid),
    mtime: clampedTime(entry.mtime),
    xattrs: allowedXattrs(entry),
  };
}

function isWithin(value: number, max: number): boolean {
  return value >= 0 && value <= max;
}

/** -1 means "leave it" to chown, and is nobody's id. */
function ownerId(id: number): number {
  return id < 0 || id > MAX_ID ? 0 : id;
}

function clampedTime(time: TarEntry["mtime"]): TarEntry["mtime"] {
  if (time.seconds < 0) return { seconds: 0, nanoseconds: 0 };
  return time.seconds > MAX_SECONDS ? { seconds: MAX_SECONDS, nanoseconds: 0 } : time;
}
