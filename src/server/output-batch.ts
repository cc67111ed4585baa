import { FRAME_HEADER_BYTES, nanosecondsToWire, writeFrameHeader } from "../runtime/docker-api/index.ts";
import type { OutputStream } from "../runtime/index.ts";
import type { ResponseStream } from "./call.ts";

const BATCH_BYTES = 64 * 1024;
const STAMP_BYTES = 31;
const NEWLINE = 10;

/**
 * Which bytes share a frame: those that were added together, or a line each, as in dockerd's logs, where clients take
 * a frame for a line. `none`: raw.
 */
type Framing = "none" | "pieces" | "lines";

/**
 * Output on its way to a client: framed or raw, many small pieces in one write. What is added goes out at the
 * next turn of the event loop, or when a batch is full.
 */
export class OutputBatch {
  readonly #target: Pick<ResponseStream, "write">;
  readonly #framing: Framing;
  #buffer = Buffer.allocUnsafe(BATCH_BYTES);
  #used = 0;
  #flushing: NodeJS.Immediate | undefined;
  /** Until the client has taken what was last written. */
  #writing: Promise<void> | undefined;
  readonly #stamp = Buffer.alloc(STAMP_BYTES);
  #stampNs = -1n;

  constructor(target: Pick<ResponseStream, "write">, framing: Framing) {
    this.#target = target;
    this.#framing = framing;
  }

  /** With times, each line has its own before it. Resolves when more may be added. */
  add(stream: OutputStream, data: Uint8Array, timesNs: readonly bigint[] = []): Promise<void> | undefined {
    if (this.#framing === "lines") this.#addLines(stream, data, timesNs);
    else this.#addPiece(stream, data, timesNs);
    this.#flushing ??= setImmediate(() => {
      this.#flushing = undefined;
      void this.flush();
    });
    return this.#writing;
  }

  #addLines(stream: OutputStream, data: Uint8Array, timesNs: readonly bigint[]): void {
    for (let start = 0, line = 0; start < data.length; line++) {
      const newline = data.indexOf(NEWLINE, start);
      const end = newline < 0 ? data.length : newline + 1;
      this.#addPiece(
        stream,
        data.subarray(start, end),
        timesNs.length === 0 ? timesNs : timesNs.slice(line, line + 1),
      );
      start = end;
    }
  }

  #addPiece(stream: OutputStream, data: Uint8Array, timesNs: readonly bigint[]): void {
    const payloadBytes = data.length + STAMP_BYTES * timesNs.length;
    const needed = FRAME_HEADER_BYTES + payloadBytes;
    if (this.#used + needed > this.#buffer.length) this.#makeRoom(needed);
    if (this.#framing !== "none") {
      writeFrameHeader(this.#buffer, this.#used, stream, payloadBytes);
      this.#used += FRAME_HEADER_BYTES;
    }
    if (timesNs.length > 0) this.#addStamped(data, timesNs);
    else {
      this.#buffer.set(data, this.#used);
      this.#used += data.length;
    }
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
