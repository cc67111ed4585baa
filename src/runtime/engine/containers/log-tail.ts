import { type FSWatcher, type Stats, watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isCompressedFrom, openLogFile } from "./log-compression.ts";
import { type LogPosition, logFiles } from "./log-files.ts";

const BLOCK_BYTES = 128 * 1024;
const NEWLINE = 10;
/** When a notice of the file system got lost, the next look comes after this. */
const LONGEST_WAIT_MS = 2_000;
/** When more has come during a look: the next one then finds a block rather than a line. */
const RUSH_PAUSE_MS = 1;

export interface FollowOptions {
  /** Whether nothing more will be written: then the rest is read and the end reached. */
  readonly isOver: () => boolean;
  /** Calls back when `isOver` may have changed. Returns how to unsubscribe. */
  readonly onChange: (wake: () => void) => () => void;
}

/**
 * A log from given positions on, in blocks of whole records; a block is good until the next one is asked for.
 * With `follow`, goes on as more is written, over rotations, without loss: a file is left only when its successor
 * exists and it has been read to its end. Closes the files.
 */
export async function* readLog(
  path: string,
  positions: readonly LogPosition[],
  { follow, signal }: { readonly follow?: FollowOptions; readonly signal?: AbortSignal } = {},
): AsyncGenerator<Buffer, void, void> {
  const files = [...positions];
  try {
    while (files.length > 1) {
      const position = files[0];
      if (position !== undefined) yield* readToEnd(new LogReader(position), signal);
      await files.shift()?.file.close();
    }
    const [last] = files;
    if (last === undefined && follow === undefined) return;
    if (follow === undefined) {
      if (last !== undefined) yield* readToEnd(new LogReader(last), signal);
      return;
    }
    files.length = 0;
    yield* followFrom(path, last, follow, signal);
  } finally {
    for (const { file } of files) await file.close();
  }
}

/** One file, read from an offset on as far as it goes. */
class LogReader {
  readonly file: FileHandle;
  #offset: number;
  readonly #buffer = Buffer.allocUnsafe(BLOCK_BYTES);
  /** In the buffer: what was given out, and up to `#filled` the beginning of a record. */
  #given = 0;
  #filled = 0;
  #isAtEnd = false;

  constructor({ file, offset }: LogPosition) {
    this.file = file;
    this.#offset = offset;
  }

  /** The last look came to the end that the file had then. */
  get isAtEnd(): boolean {
    return this.#isAtEnd;
  }

  /** Looks once; empty when there is no whole record more. */
  async next(): Promise<Buffer> {
    this.#buffer.copyWithin(0, this.#given, this.#filled);
    // As long as the buffer, and no end: no record.
    const torn = (this.#filled - this.#given) % BLOCK_BYTES;
    const { bytesRead } = await this.file.read(this.#buffer, torn, BLOCK_BYTES - torn, this.#offset);
    this.#offset += bytesRead;
    this.#filled = torn + bytesRead;
    this.#isAtEnd = this.#filled < BLOCK_BYTES;
    this.#given = this.#buffer.subarray(0, this.#filled).lastIndexOf(NEWLINE) + 1;
    return this.#buffer.subarray(0, this.#given);
  }
}

async function* readToEnd(reader: LogReader, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  do {
    const block = await reader.next();
    if (signal?.aborted) return;
    if (block.length > 0) yield block;
  } while (!reader.isAtEnd);
}

async function* followFrom(
  path: string,
  start: LogPosition | undefined,
  follow: FollowOptions,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, void> {
  const alarm = new Alarm(dirname(path), follow, signal);
  let reader = start === undefined ? undefined : new LogReader(start);
  let isNewest = false;
  try {
    while (!signal?.aborted) {
      // What is true before the look holds for all that the look finds.
      const wasOver = follow.isOver();
      if (alarm.reset()) isNewest = false;
      if (reader !== undefined) yield* readToEnd(reader, signal);
      const successor: FileHandle | undefined =
        isNewest && !wasOver ? undefined : await successorOf(path, reader?.file);
      isNewest = successor === undefined;
      if (successor !== undefined) {
        if (reader !== undefined) {
          yield* readToEnd(reader, signal);
          await reader.file.close();
        }
        reader = new LogReader({ file: successor, offset: 0 });
      } else if (wasOver) return;
      else await alarm.wait();
    }
  } finally {
    alarm.close();
    await reader?.file.close();
  }
}

/** The file that was begun after this one, opened; undefined while this one is the newest. */
async function successorOf(path: string, current: FileHandle | undefined): Promise<FileHandle | undefined> {
  const newest = await stat(path).catch(() => undefined);
  if (newest === undefined) return undefined;
  if (current === undefined) return open(path, "r");
  const now = await current.stat();
  if (newest.ino === now.ino) return undefined;
  // A rotation under way may hide it from one look.
  const next = (await fileAfter(path, now)) ?? (await fileAfter(path, now)) ?? (await logFiles(path))[0];
  return next === undefined ? undefined : openLogFile(next);
}

/** The name of the file after this one; undefined when this one is not there. */
async function fileAfter(path: string, current: Stats): Promise<string | undefined> {
  const files = await logFiles(path);
  const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  const itself = stats.findIndex((found) => found?.ino === current.ino);
  const index =
    itself >= 0
      ? itself
      : stats.findIndex((found) => found !== undefined && isCompressedFrom(found, current));
  return index < 0 ? undefined : files[index + 1];
}

/** Wakes a reader that waits for more. */
class Alarm {
  #ring: (() => void) | undefined;
  #hasRung = false;
  /** Files may have come since the last reset. */
  #mayHaveRotated = true;
  readonly #watcher: FSWatcher | undefined;
  readonly #unsubscribe: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #wake = () => {
    this.#hasRung = true;
    this.#ring?.();
  };

  constructor(folder: string, follow: FollowOptions, signal: AbortSignal | undefined) {
    this.#watcher = watchQuietly(folder, (event) => {
      if (event === "rename") this.#mayHaveRotated = true;
      this.#wake();
    });
    this.#unsubscribe = follow.onChange(this.#wake);
    this.#signal = signal;
    signal?.addEventListener("abort", this.#wake, { once: true });
  }

  /** Whether the log may have been rotated since the last reset. */
  reset(): boolean {
    const mayHaveRotated = this.#mayHaveRotated;
    this.#hasRung = false;
    this.#mayHaveRotated = this.#watcher === undefined;
    return mayHaveRotated;
  }

  async wait(): Promise<void> {
    if (this.#hasRung) return sleep(RUSH_PAUSE_MS);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#mayHaveRotated = true;
        resolve();
      }, LONGEST_WAIT_MS);
      this.#ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#ring = undefined;
  }

  close(): void {
    this.#watcher?.close();
    this.#unsubscribe();
    this.#signal?.removeEventListener("abort", this.#wake);
  }
}

function watchQuietly(folder: string, notice: (event: string) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, notice);
    watcher.on("error", () => {});
    return watcher;
  } catch {
    // No more watches to be had: the timer alone wakes the reader.
    return undefined;
  }
}
