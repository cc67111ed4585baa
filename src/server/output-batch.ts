import { FRAME_HEADER_BYTES, nanosecondsToWire, writeFrameHeader } from "../runtime/docker-api/index.ts";
import type { OutputStream } from "../runtime/index.ts";
import type { ResponseStream } from "./call.ts";

const BATCH_BYTES = 64 * 1024;
const STAMP_BYTES = 31;
const NEWLINE = 10;

/**
 * Output on its way to a client: framed or raw, many small pieces in one write. What is added goes out at the
 * next turn of the event loop, or when a batch is full.
 */
export class OutputBatch {
  readonly #target: Pick<ResponseStream, "write">;
  readonly #isFramed: boolean;
  #buffer = Buffer.allocUnsafe(BATCH_BYTES);
  #used = 0;
  #flushing: NodeJS.Immediate | undefined;
  /** Until the client has taken what was last written. */
  #writing: Promise<void> | undefined;
  readonly #stamp = Buffer.alloc(STAMP_BYTES);
  #stampNs = -1n;

  constructor(target: Pick<ResponseStream, "write">, { isFramed }: { readonly isFramed: boolean }) {
    this.#target = target;
    this.#isFramed = isFramed;
  }

  /** What is added together is one frame; with times, each line has its own before it. Resolves when more may be added. */
  add(stream: OutputStream, data: Uint8Array, timesNs: readonly bigint[] = []): Promise<void> | undefined {
    const payloadBytes = data.length + STAMP_BYTES * timesNs.length;
    const needed = FRAME_HEADER_BYTES + payloadBytes;
    if (this.#used + needed > this.#buffer.length) this.#makeRoom(needed);
    if (this.#isFramed) {
      writeFrameHeader(this.#buffer, this.#used, stream, payloadBytes);
      this.#used += FRAME_HEADER_BYTES;
    }
    if (timesNs.length > 0) this.#addStamped(data, timesNs);
    else {
      this.#buffer.set(data, this.#used);
      this.#used += data.length;
    }
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      void this.flush();
    });
    return this.#writing;
  }

  /** Resolves when all that was added has been taken. */
  flush(): Promise<void> {
    if (this.#used > 0) {
      const bytes = this.#buffer.subarray(0, this.#used);
      // What is left of the buffer serves on: the bytes above are not touched again.
      this.#buffer = this.#buffer.subarray(this.#used);
      this.#used = 0;
      const writing = this.#target.write(bytes).then(() => {
        if (this.#writing === writing) this.#writing = undefined;
      });
      this.#writing = writing;
    }
    return this.#writing ?? Promise.resolve();
  }

  #addStamped(data: Uint8Array, timesNs: readonly bigint[]): void {
    const buffer = this.#buffer;
    let to = this.#used;
    let from = 0;
    for (const timeNs of timesNs) {
      buffer.set(this.#stampOf(timeNs), to);
      to += STAMP_BYTES;
      while (from < data.length) {
        const byte = data[from++] as number;
        buffer[to++] = byte;
        if (byte === NEWLINE) break;
      }
    }
    this.#used = to;
  }

  /** Lines that were read from a process together have the same time. */
  #stampOf(timeNs: bigint): Buffer {
    if (timeNs !== this.#stampNs) {
      this.#stampNs = timeNs;
      this.#stamp.write(`${nanosecondsToWire(timeNs)} `, "latin1");
    }
    return this.#stamp;
  }

  #makeRoom(needed: number): void {
    void this.flush();
    if (this.#buffer.length < needed) this.#buffer = Buffer.allocUnsafe(Math.max(BATCH_BYTES, needed));
  }
}
