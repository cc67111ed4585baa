import { createHash, type Hash } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";
import { RuntimeError } from "../../index.ts";

/** `sha256:` and 64 lower-case hex digits: the one algorithm registries use. */
export type Digest = string;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

export function digestOf(data: string | Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(data).digest("hex")}`;
}

/** Chain id of a layer on top of another: what the unpacked file system is named after (OCI image spec). */
export function chainIdOf(parentChainId: Digest | undefined, diffId: Digest): Digest {
  return parentChainId === undefined ? diffId : digestOf(`${parentChainId} ${diffId}`);
}

export function chainIdsOf(diffIds: readonly Digest[]): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) chain.push(chainIdOf(chain.at(-1), diffId));
  return chain;
}

/** Lets everything through, up to `maxBytes`, and knows its digest and length. */
export class DigestMeter extends Transform {
  readonly #hash: Hash = createHash("sha256");
  #bytes = 0;

  readonly #maxBytes: number;

  constructor(maxBytes = Number.POSITIVE_INFINITY) {
    super({ highWaterMark: 1 << 16 });
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Once, after the end. */
  digest(): Digest {
    return `sha256:${this.#hash.digest("hex")}`;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes)
      done(new RuntimeError("exhausted", `Cannot unpack: it comes to more than ${this.#maxBytes} bytes`));
    else done(null, chunk);
  }
}
