import type { OutputChunk, OutputStream } from "../index.ts";

const HEADER_BYTES = 8;
const STREAM_NUMBER = { stdout: 1, stderr: 2 } as const;

/** One frame: `[1|2, 0, 0, 0, length as 32 bits big-endian]` and the payload. */
export function frame(stream: OutputStream, payload: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  writeFrameHeader(framed, 0, stream, payload.length);
  framed.set(payload, HEADER_BYTES);
  return framed;
}

export function writeFrameHeader(target: Buffer, at: number, stream: OutputStream, length: number): void {
  target.writeUInt32BE(STREAM_NUMBER[stream] << 24, at);
  target.writeUInt32BE(length, at + 4);
}

export const FRAME_HEADER_BYTES = HEADER_BYTES;

/** Frames out of a byte stream that is cut anywhere. Stream 0 counts as stdout; 3, the engine's own words, as stderr. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(bytes: Uint8Array): OutputChunk[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    const chunks: OutputChunk[] = [];
    let at = 0;
    while (this.#rest.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#rest.readUInt32BE(at + 4);
      if (this.#rest.length < end) break;
      chunks.push({
        stream: (this.#rest[at] ?? 1) >= 2 ? "stderr" : "stdout",
        data: this.#rest.subarray(at + HEADER_BYTES, end),
      });
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    return chunks;
  }
}
