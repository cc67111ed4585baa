import { Transform, type TransformCallback } from "node:stream";

const EVERY_MS = 100;

/** Lets everything through and tells, now and then, how much that was. */
export class MeteredReader extends Transform {
  readonly #onBytes: (bytes: number) => void;
  #bytes = 0;
  #last = 0;

  constructor(onBytes: (bytes: number) => void) {
    super({ highWaterMark: 1 << 16 });
    this.#onBytes = onBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#bytes += chunk.length;
    const now = Date.now();
    if (now - this.#last >= EVERY_MS) {
      this.#last = now;
      this.#onBytes(this.#bytes);
    }
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    this.#onBytes(this.#bytes);
    done();
  }
}
