import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { type FolderEntry, type FolderSource, RuntimeError } from "../runtime/index.ts";

/** What of a folder is wanted; paths are relative to it. */
export interface FolderFilter {
  readonly isExcluded: (path: string) => boolean;
  /** Something below an excluded folder may still be wanted. */
  readonly hasExceptions: boolean;
}

/**
 * A folder of this machine: its ordinary files, folders and links that the filter leaves, in order, owned by root, as the docker
 * client sends them. What cannot be read is `invalid`.
 */
export function localFolder(dir: string, filter: FolderFilter): FolderSource {
  return {
    key: JSON.stringify([hostname(), dir]),
    list: () => listFolder({ dir, filter, startMs: Date.now() }, ""),
    fetch: (entries) => Readable.from(pack(dir, entries), { objectMode: false }),
    close: () => undefined,
  };
}

interface Listing {
  readonly dir: string;
  readonly filter: FolderFilter;
  readonly startMs: number;
}

/** Looked at or read at once. */
const READ_AHEAD = 16;
/** What changed so shortly before may change again without another time: clocks of file systems are as coarse as that. */
const UNSETTLED_MS = 2000;

async function listFolder(listing: Listing, path: string): Promise<readonly FolderEntry[]> {
  const { dir, filter } = listing;
  const names = await readdir(join(dir, path), { withFileTypes: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const kept = names.flatMap((entry) => {
    const at = path === "" ? entry.name : `${path}/${entry.name}`;
    const isExcluded = filter.isExcluded(at);
    if (isExcluded && !(entry.isDirectory() && filter.hasExceptions)) return [];
    return entry.isDirectory() || entry.isFile() || entry.isSymbolicLink() ? [{ path: at, isExcluded }] : [];
  });
  kept.sort((a, b) => (a.path < b.path ? -1 : 1));
  const entries: FolderEntry[] = [];
  for (let from = 0; from < kept.length; from += READ_AHEAD) {
    const some = kept.slice(from, from + READ_AHEAD);
    const looked = await Promise.all(some.map(({ path: at }) => lookAt(listing, at)));
    for (const [index, entry] of looked.entries()) {
      const below = entry.isFolder ? await listFolder(listing, entry.path) : [];
      // An excluded folder is there for what it has that is not.
      if (some[index]?.isExcluded === true && below.length === 0) continue;
      entries.push(entry);
      for (const one of below) entries.push(one);
    }
  }
  return entries;
}

/** A file that is another one now, or has other content, has another number or another time of its last change, which no program sets. */
async function lookAt({ dir, startMs }: Listing, path: string): Promise<FolderEntry> {
  const stats = await lstat(join(dir, path), { bigint: true }).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const { mode, size, mtimeNs, ctimeNs, ino, dev } = stats;
  const isFolder = stats.isDirectory();
  const isSettled = Number(ctimeNs / 1_000_000n) < startMs - UNSETTLED_MS;
  return {
    path,
    isFolder,
    sizeBytes: stats.isFile() ? Number(size) : 0,
    ...(isSettled && { fingerprint: [mode, size, mtimeNs, ctimeNs, ino, dev].join(":") }),
  };
}

async function* pack(dir: string, entries: readonly FolderEntry[]): AsyncGenerator<Buffer> {
  const archive = tar.pack();
  const work = async () => {
    const read = Readable.from(entries).map((entry: FolderEntry) => open(dir, entry.path), {
      concurrency: READ_AHEAD,
    });
    for await (const file of read as AsyncIterable<Opened>) await add(archive, file);
    archive.finalize();
  };
  work().catch((error: unknown) =>
    archive.destroy(error instanceof Error ? error : new Error(String(error))),
  );
  yield* archive as AsyncIterable<Buffer>;
}

interface Opened {
  readonly path: string;
  readonly header: Partial<tar.Header> & { readonly name: string };
  /** All of a small file; a large one is read in its turn, from this path. */
  readonly content?: Buffer | { readonly from: string; readonly sizeBytes: number };
}

/** Contexts are mostly small files: a stream for each costs more than all else. */
const LARGEST_READ_WHOLE_BYTES = 256 * 1024;

async function open(dir: string, path: string): Promise<Opened> {
  const from = join(dir, path);
  try {
    const stats = await lstat(from);
    const header = { name: path, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 };
    if (stats.isDirectory()) return { path, header: { ...header, name: `${path}/`, type: "directory" } };
    if (stats.isSymbolicLink())
      return { path, header: { ...header, type: "symlink", linkname: await readlink(from) } };
    const { size } = stats;
    const isSmall = size <= LARGEST_READ_WHOLE_BYTES;
    const content = isSmall ? await readFile(from) : { from, sizeBytes: size };
    return { path, header: { ...header, type: "file" }, content };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function add(archive: tar.Pack, { path, header, content }: Opened): Promise<void> {
  if (content === undefined || Buffer.isBuffer(content)) {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error | null) => (error ? reject(error) : resolve());
      if (content === undefined) archive.entry(header, settle);
      else archive.entry(header, content, settle);
    });
  }
  const { from, sizeBytes } = content;
  try {
    // What is written to it meanwhile is left out: a build's own log may lie in its context.
    const file = createReadStream(from, { end: sizeBytes - 1 });
    await pipeline(file, archive.entry({ ...header, size: sizeBytes }));
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause: unknown): RuntimeError {
  return new RuntimeError("invalid", `Cannot read "${path || "."}" of the build context`, { cause });
}
