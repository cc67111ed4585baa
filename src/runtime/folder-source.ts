import { Readable } from "node:stream";

/** One file, folder or link of a folder that lies elsewhere. */
export interface FolderEntry {
  /** Below the folder; the folders it lies in are listed before it. */
  readonly path: string;
  readonly isFolder: boolean;
  /** Of its content. */
  readonly sizeBytes: number;
  /** The same as long as the entry has not changed; undefined: only its content tells. */
  readonly fingerprint?: string;
}

/**
 * A folder that lies elsewhere, listed before any of its content is asked for: whoever has the most of it from before asks for the
 * rest. Listed once, fetched from at most once, then closed.
 */
export interface FolderSource {
  /** The same for folders that are likely alike, as those of the same place are at two times. */
  readonly key: string;
  list(): Promise<readonly FolderEntry[]>;
  /** Those entries as a tar, in the order of the listing. */
  fetch(entries: readonly FolderEntry[]): Readable;
  /** Nothing more is wanted of it. */
  close(): void;
}

export function isFolderSource(files: Readable | FolderSource): files is FolderSource {
  return "fetch" in files;
}

/** All of the files as a tar. */
export function tarOfAll(files: Readable | FolderSource): Readable {
  return isFolderSource(files) ? Readable.from(contents(files), { objectMode: false }) : files;
}

async function* contents(source: FolderSource): AsyncGenerator<Buffer> {
  try {
    yield* source.fetch(await source.list());
  } finally {
    source.close();
  }
}
