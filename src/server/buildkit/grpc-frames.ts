const PREFIX_BYTES = 5;
const MESSAGE_LIMIT_BYTES = 64 * 1024 * 1024;

/** One gRPC message: a byte that says "not compressed", its length, itself. */
export function grpcFrame(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** The messages in a stream of bytes. */
export async function* grpcMessages(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of source) {
    chunks.push(chunk);
    size += chunk.length;
    while (size >= PREFIX_BYTES) {
      if ((chunks[0]?.length ?? 0) < PREFIX_BYTES) chunks = [Buffer.concat(chunks)];
      const head = chunks[0] ?? Buffer.alloc(PREFIX_BYTES);
      if (head[0] !== 0) throw new RangeError("a gRPC message is compressed");
      const length = head.readUInt32BE(1);
      if (length > MESSAGE_LIMIT_BYTES) throw new RangeError("a gRPC message is too large");
      const end = PREFIX_BYTES + length;
      if (size < end) break;
      const all = chunks.length === 1 ? head : Buffer.concat(chunks);
      yield all.subarray(PREFIX_BYTES, end);
      chunks = end < all.length ? [all.subarray(end)] : [];
      size -= end;
    }
  }
}

/** What `grpc-message` may hold: percent-encoded outside of printable ASCII. */
export function encodeGrpcMessage(message: string): string {
  return encodeURIComponent(message).replaceAll(/%(?:2[0-46-9A-F]|3[A-F]|40|5[B-F]|60|7[B-E])/g, (code) =>
    decodeURIComponent(code),
  );
}

export const GRPC = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalid: 3,
  notFound: 5,
  alreadyExists: 6,
  denied: 7,
  unimplemented: 12,
  unavailable: 14,
} as const;

export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: number;
  /** Each a `google.protobuf.Any`. */
  readonly details: readonly Uint8Array[];

  constructor(code: number, message: string, details: readonly Uint8Array[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}
