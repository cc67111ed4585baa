import { type FileHandle, open, readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { OutputStream } from "../../index.ts";
import { COMPRESSED, unpacked } from "./log-compression.ts";
import { RecordCursor } from "./log-records.ts";

/** Rotated files of a log, compressed ones (`.gz`) among them, the oldest first, the one being written last. */
export async function logFiles(path: string): Promise<readonly string[]> {
  const name = basename(path);
  const byNumber = new Map<number, string>();
  for (const entry of await readdir(dirname(path)).catch(() => [])) {
    const [, number, ending] = /^\.(\d+)(\.gz)?$/.exec(entry.slice(name.length)) ?? [];
    if (number === undefined || !entry.startsWith(name)) continue;
    // Both are there when it has just been compressed: they are the same.
    if (ending === undefined || !byNumber.has(Number(number))) byNumber.set(Number(number), entry);
  }
  const oldestFirst = [...byNumber].sort(([a], [b]) => b - a);
  return [...oldestFirst.map(([, entry]) => join(dirname(path), entry)), path];
}

export interface LogPosition {
  /** Open on the file; a rename meanwhile does not matter. */
  readonly file: FileHandle;
  readonly offset: number;
}

/** The end of a log. */
export interface LogTail {
  readonly positions: readonly LogPosition[];
  /** Records from before the first position: the beginning of a line that ends behind it. */
  readonly begun: Buffer;
}

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;
const NOTHING = Buffer.alloc(0);
const MOST_TRIES = 5;

/** Undefined when there is no such file. */
type OpenFile = (name: string) => Promise<FileHandle | undefined>;

const openIfThere: OpenFile = (name) => open(name, "r").catch(() => undefined);

/**
 * Where the last `lines` lines begin: the files from there on, opened, the first one with an offset. Reads
 * backwards, so the cost is that of the tail. `undefined`: everything.
 */
export async function openTail(
  path: string,
  lines: number | undefined,
  openFile: OpenFile = openIfThere,
): Promise<LogTail> {
  const held = await holdFiles(path, openFile);
  const positions: { readonly file: FileHandle; offset: number }[] = [];
  let wanted = lines ?? Number.POSITIVE_INFINITY;
  let begun: Buffer = NOTHING;
  try {
    for (let next = held.pop(); next !== undefined; next = wanted > 0 ? held.pop() : undefined) {
      const isPacked = next.name.endsWith(COMPRESSED);
      const position = { file: isPacked ? await unpacked(next.file, dirname(path)) : next.file, offset: 0 };
      positions.unshift(position);
      if (lines === undefined) continue;
      const { size } = await position.file.stat();
      const border = await findBorder(position.file, size, wanted, positions.length === 1);
      position.offset = border.offset;
      begun = border.begun;
      wanted -= border.found;
    }
    return { positions, begun };
  } catch (error) {
    await closeAll(positions);
    throw error;
  } finally {
    await closeAll(held);
  }
}

interface HeldFile {
  readonly name: string;
  readonly file: FileHandle;
}

/** All files as they were at one moment, the oldest first: a rotation gives each of them another's name. */
async function holdFiles(path: string, openFile: OpenFile): Promise<HeldFile[]> {
  for (let tries = 1; ; tries++) {
    const held: HeldFile[] = [];
    for (const name of await logFiles(path)) {
      const file = await openFile(name);
      if (file !== undefined) held.push({ name, file });
    }
    if (tries === MOST_TRIES || (await areStillThere(path, held))) return held;
    await closeAll(held);
  }
}

/** Under the names by which they were opened, and no others. */
async function areStillThere(path: string, held: readonly HeldFile[]): Promise<boolean> {
  const names = await logFiles(path);
  const found = await Promise.all(names.map((name) => stat(name).catch(() => undefined)));
  const now = names.flatMap((name, index) => {
    const ino = found[index]?.ino;
    return ino === undefined ? [] : [{ name, ino }];
  });
  const before = await Promise.all(
    held.map(async ({ name, file }) => ({ name, ino: (await file.stat()).ino })),
  );
  return isDeepStrictEqual(now, before);
}

async function closeAll(files: readonly { readonly file: FileHandle }[]): Promise<void> {
  for (const { file } of files) await file.close();
}

interface Border extends Pick<LogTail, "begun"> {
  readonly offset: number;
  readonly found: number;
}

/** Goes back over `wanted` line ends; `offset` is where the first wanted line begins, but see `begun`. */
async function findBorder(
  file: FileHandle,
  size: number,
  wanted: number,
  isNewest: boolean,
): Promise<Border> {
  if (wanted <= 0) return { offset: size, found: 0, begun: NOTHING };
  const record = new RecordCursor();
  let found = 0;
  let isLast = isNewest;
  for await (const { block, position } of blocksBackwards(file, size)) {
    for (const { start, end } of recordsBackwards(block)) {
      record.open(block.subarray(start, end));
      if (!record.next()) continue;
      // A last line without an end counts as one; else each end of a line begins one more.
      if (!record.isPartial || isLast) {
        if (found === wanted) {
          const begun = beginningIn(block.subarray(0, end), record.stream);
          return { offset: position + end, found, begun };
        }
        found++;
      }
      isLast = false;
    }
  }
  return { offset: 0, found, begun: NOTHING };
}

/**
 * What the stream other than `ended` has open at the end of a block, of the records in this block: a process may
 * begin a line, say something on its other stream, and end the line then.
 */
function beginningIn(block: Buffer, ended: OutputStream): Buffer {
  const record = new RecordCursor();
  const pieces: Buffer[] = [];
  for (const { start, end } of recordsBackwards(block)) {
    const bytes = block.subarray(start, end);
    record.open(bytes);
    if (!record.next() || record.stream === ended) continue;
    if (!record.isPartial) break;
    pieces.unshift(bytes);
  }
  return Buffer.concat(pieces);
}

/** Blocks of whole records, the last one first. */
async function* blocksBackwards(
  file: FileHandle,
  size: number,
): AsyncGenerator<{ readonly block: Buffer; readonly position: number }, void, void> {
  let carry = NOTHING;
  for (let position = size; position > 0; ) {
    const length = Math.min(CHUNK_BYTES, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    await file.read(chunk, 0, length, position);
    const buffer = Buffer.concat([chunk, carry]);
    const start = position === 0 ? 0 : buffer.indexOf(NEWLINE) + 1;
    if (start > 0 || position === 0) yield { block: buffer.subarray(start), position: position + start };
    carry = Buffer.from(buffer.subarray(0, start > 0 ? start : buffer.length));
  }
}

/** From the last one to the first. */
function* recordsBackwards(block: Buffer): Generator<{ readonly start: number; readonly end: number }> {
  for (let end = block.length; end > 0; ) {
    const start = end < 2 ? 0 : block.lastIndexOf(NEWLINE, end - 2) + 1;
    yield { start, end };
    end = start;
  }
}
