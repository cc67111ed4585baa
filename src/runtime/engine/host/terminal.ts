import { closeSync, writeSync } from "node:fs";
import { PassThrough, type Readable } from "node:stream";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { ReadStream } from "node:tty";
import type { PtyCalls } from "./pty.ts";

/** More than a terminal holds of what nobody has read: what comes behind it was written after the end. */
const MOST_HELD_BYTES = 128 * 1024;
/** How long until a terminal without room is asked again: at first, and at most, when its program reads nothing. */
const ROOM_LOOK_MS = { first: 1, most: 50 };

/**
 * The engine's end of a pseudo-terminal. It holds the other end too: without anybody at that end libuv takes what a
 * read brings for the last there is (https://github.com/microsoft/node-pty/issues/72), and the rest is lost.
 */
export class Terminal {
  /** What is written to the terminal, no faster than it is read; ends some time after `finish`. */
  readonly output: Readable;
  readonly #calls: PtyCalls;
  readonly #master: number;
  readonly #slave: number;
  readonly #stream: ReadStream;
  readonly #output = new PassThrough();
  #written = Promise.resolve();
  #readBytes = 0;
  #isFinished = false;

  /** Both descriptors are its own from now on. */
  constructor(calls: PtyCalls, ends: { readonly master: number; readonly slave: number }) {
    this.#calls = calls;
    this.#master = ends.master;
    this.#slave = ends.slave;
    this.output = this.#output;
    calls.setNonBlocking(ends.master);
    this.#stream = new ReadStream(ends.master);
    this.#stream.on("error", () => void this.finish());
    this.#stream.on("data", (data: Buffer) => {
      this.#readBytes += data.length;
      if (this.#output.write(data)) return;
      this.#stream.pause();
      this.#output.once("drain", () => this.#stream.resume());
    });
  }

  /** Resolves when the terminal has taken it, or is no more. */
  write(data: Uint8Array): Promise<void> {
    this.#written = this.#written.then(() => this.#writeAll(data));
    return this.#written;
  }

  /** Not by the stream: libuv waits for room in the one end of a terminal, and everything else of ours with it. */
  async #writeAll(data: Uint8Array): Promise<void> {
    let left = data;
    let waitMs = ROOM_LOOK_MS.first;
    while (left.length > 0 && !this.#isFinished) {
      const bytes = this.#writeSome(left);
      left = left.subarray(bytes);
      if (bytes > 0) waitMs = ROOM_LOOK_MS.first;
      else {
        await sleep(waitMs);
        waitMs = Math.min(waitMs * 2, ROOM_LOOK_MS.most);
      }
    }
  }

  /** How many bytes it had room for. */
  #writeSome(data: Uint8Array): number {
    try {
      return writeSync(this.#master, data);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") void this.finish();
      return 0;
    }
  }

  resize({ rows, columns }: { readonly rows: number; readonly columns: number }): void {
    if (!this.#isFinished && rows > 0 && columns > 0) this.#calls.resize(this.#master, rows, columns);
  }

  /** To be called when the program has ended: `output` ends once it has all that was written until now. */
  async finish(): Promise<void> {
    if (this.#isFinished) return;
    this.#isFinished = true;
    const end = this.#readBytes + MOST_HELD_BYTES;
    while (this.#readBytes < end && !this.#stream.destroyed && this.#calls.hasInput(this.#master)) {
      if (this.#stream.isPaused()) await resumed(this.#output);
      else await nextTurn();
    }
    this.#output.end();
    this.#stream.destroy();
    closeSync(this.#slave);
  }
}

function resumed(output: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const listener = () => {
      output.off("drain", listener);
      output.off("close", listener);
      resolve();
    };
    output.once("drain", listener);
    output.once("close", listener);
    if (!output.writableNeedDrain || output.destroyed) listener();
  });
}
