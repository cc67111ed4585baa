import { randomBytes } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { join, posix } from "node:path";
import { unlessAborted } from "../../../lib/unless-aborted.ts";
import { type FolderEntry, type FolderSource, RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import { type Trash, unpackLayer } from "../rootfs/index.ts";
import type { Trees } from "./trees.ts";

const MAX_KEPT_BYTES = 2 * 1024 ** 3;
const MAX_KEPT_FOLDERS = 16;
const MAX_ENTRIES = 2_000_000;

export interface KeptUsage {
  readonly id: string;
  readonly sizeBytes: number;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  readonly usageCount: number;
}

interface Kept {
  readonly id: string;
  readonly key: string;
  readonly dir: string;
  readonly createdAt: Date;
  lastUsedAt: Date;
  usageCount: number;
  /** By path, as it was fetched last. */
  entries: ReadonlyMap<string, FolderEntry>;
  sizeBytes: number;
  /** Digests of selections of its files, as long as nothing in it changes. */
  readonly digests: Map<string, string>;
}

/** A folder from elsewhere, on this disk. Only its borrower touches it until it is given back or discarded. */
export interface BorrowedFolder {
  readonly dir: string;
  /** What a build finds out of its files, for those after it. */
  readonly digests: Map<string, string>;
  giveBack(): Promise<void>;
}

/**
 * Folders that came from elsewhere for a build, kept for the next build of the same folder, which then asks for what has changed
 * only. They live where everything unfinished lives and end with the daemon: losing one costs a transfer.
 */
export class KeptFolders {
  readonly #layout: DiskLayout;
  readonly #trash: Trash;
  /** Not borrowed, least recently used first. Builds of one folder at a time leave one each. */
  #idle: Kept[] = [];

  constructor(layout: DiskLayout, trash: Trash) {
    this.#layout = layout;
    this.#trash = trash;
  }

  /** The folder as it is now. Of two builds that first want the same one at a time, one begins with nothing. */
  async borrow(
    source: FolderSource,
    options: { readonly trees: Trees; readonly signal?: AbortSignal | undefined },
  ): Promise<BorrowedFolder> {
    const kept = await this.#take(source.key);
    try {
      await this.#update(kept, source, options);
    } catch (error) {
      await this.#trash.discard(kept.dir);
      throw error;
    } finally {
      source.close();
    }
    return {
      dir: kept.dir,
      digests: kept.digests,
      giveBack: () => this.#giveBack(kept),
    };
  }

  usage(): readonly KeptUsage[] {
    return this.#idle;
  }

  /** Lets go of those, unless a build has borrowed them meanwhile. */
  async drop(ids: readonly string[]): Promise<void> {
    for (const kept of this.#idle.filter(({ id }) => ids.includes(id))) await this.#drop(kept);
  }

  async #take(key: string): Promise<Kept> {
    const idle = this.#idle.findLast((kept) => kept.key === key);
    if (idle !== undefined) this.#forget(idle);
    if (idle !== undefined && (await isFolder(idle.dir))) return idle;
    const id = randomBytes(8).toString("hex");
    const dir = join(this.#layout.temporaryDir, `build-${id}`);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    const now = new Date();
    return {
      id,
      key,
      dir,
      createdAt: now,
      lastUsedAt: now,
      usageCount: 0,
      entries: new Map(),
      sizeBytes: 0,
      digests: new Map(),
    };
  }

  async #update(
    kept: Kept,
    source: FolderSource,
    { trees, signal }: { readonly trees: Trees; readonly signal?: AbortSignal | undefined },
  ): Promise<void> {
    const listing = await (signal === undefined ? source.list() : unlessAborted(source.list(), signal));
    const entries = byPath(listing);
    const { gone, wanted } = changes(kept.entries, entries);
    kept.lastUsedAt = new Date();
    kept.usageCount += 1;
    if (gone.length === 0 && wanted.length === 0) return;
    kept.digests.clear();
    if (gone.length > 0) await trees.run({ kind: "remove", rootDir: kept.dir, paths: gone });
    const jailDir = join(this.#layout.temporaryDir, "jail");
    await unpackLayer([source.fetch(wanted)], kept.dir, { jailDir, isPlain: true, signal });
    kept.entries = entries;
    kept.sizeBytes = listing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  }

  async #giveBack(kept: Kept): Promise<void> {
    this.#idle.push(kept);
    let bytes = this.#idle.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    for (const oldest of [...this.#idle]) {
      if (bytes <= MAX_KEPT_BYTES && this.#idle.length <= MAX_KEPT_FOLDERS) return;
      bytes -= oldest.sizeBytes;
      await this.#drop(oldest);
    }
  }

  async #drop(kept: Kept): Promise<void> {
    if (this.#forget(kept)) await this.#trash.discard(kept.dir);
  }

  /** Whether it was there: nobody else discards it, or has borrowed it. */
  #forget(kept: Kept): boolean {
    const isHere = this.#idle.includes(kept);
    this.#idle = this.#idle.filter((other) => other !== kept);
    return isHere;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** `invalid` for a listing whose paths lead elsewhere, come twice, or lie in no folder of it. */
export function byPath(listing: readonly FolderEntry[]): ReadonlyMap<string, FolderEntry> {
  if (listing.length > MAX_ENTRIES)
    throw new RuntimeError("exhausted", `Cannot take over a folder: it has more than ${MAX_ENTRIES} entries`);
  const entries = new Map<string, FolderEntry>();
  for (const entry of listing) {
    const { path } = entry;
    const isPath = path !== "" && !path.includes("\0") && posix.join("/", path) === `/${path}`;
    const parent = parentOf(path);
    const isPlaced = parent === "" || entries.get(parent)?.isFolder === true;
    if (!isPath || !isPlaced || path.endsWith("/") || entries.has(path))
      throw new RuntimeError(
        "invalid",
        `Cannot take over a folder: its listing names ${JSON.stringify(path)}, which cannot be in it`,
      );
    entries.set(path, entry);
  }
  return entries;
}

/**
 * From one state of a folder to another: what is to be removed, then what is to be put there, which includes the folders that either
 * happens in, for their times.
 */
export function changes(
  before: ReadonlyMap<string, FolderEntry>,
  after: ReadonlyMap<string, FolderEntry>,
): { readonly gone: readonly string[]; readonly wanted: readonly FolderEntry[] } {
  const gone: string[] = [];
  const touched = new Set<string>();
  const touch = (path: string): void => {
    for (let at = path; at !== "" && !touched.has(at); at = parentOf(at)) touched.add(at);
  };
  for (const [path, { isFolder }] of before) {
    const now = after.get(path);
    if (now !== undefined && (isSame(before.get(path), now) || (isFolder && now.isFolder))) continue;
    gone.push(path);
    touch(parentOf(path));
  }
  for (const [path, entry] of after) if (!isSame(before.get(path), entry)) touch(path);
  return { gone, wanted: [...after.values()].filter(({ path }) => touched.has(path)) };
}

function isSame(before: FolderEntry | undefined, after: FolderEntry): boolean {
  return (
    before?.fingerprint !== undefined &&
    before.fingerprint === after.fingerprint &&
    before.isFolder === after.isFolder
  );
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
