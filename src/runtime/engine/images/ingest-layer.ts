import { PassThrough, type Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { diffTar } from "../rootfs/index.ts";
import { compressGzip } from "./compression.ts";
import { chainIdOf, type Digest, DigestMeter } from "./digest.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer } from "./image-store.ts";
import type { StagedLayer } from "./layer-store.ts";
import type { Lease } from "./leases.ts";
import { DOCKER } from "./media-types.ts";

/** A new layer from an uncompressed tar: unpacked, and stored as a compressed blob, in one reading. */
export async function ingestLayer(
  context: ImageContext,
  tar: Readable,
  options: {
    readonly parentChainId?: Digest | undefined;
    readonly lease: Lease;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<ImageLayer> {
  const toTree = new PassThrough({ highWaterMark: 1 << 16 });
  const toBlob = new PassThrough({ highWaterMark: 1 << 16 });
  const work = Promise.allSettled([
    context.layers.stage(toTree, { signal: options.signal }),
    storeCompressed(context, toBlob, options),
    pipeline(tar, new Fork(toTree, toBlob), signalOption(options.signal)),
  ]);
  const [tree, blob, fed] = await work;
  if (tree.status === "fulfilled" && blob.status === "fulfilled" && fed.status === "fulfilled")
    return await placed(context, tree.value, blob.value, options);
  if (tree.status === "fulfilled") await context.layers.discard(tree.value);
  // What the reading side says of the archive tells more than a stream that broke for it.
  for (const outcome of [tree, blob, fed]) {
    if (outcome.status === "rejected" && !isPremature(outcome.reason)) throw outcome.reason;
  }
  throw [tree, blob, fed].find((outcome) => outcome.status === "rejected")?.reason;
}

async function placed(
  context: ImageContext,
  staged: StagedLayer,
  blob: ImageLayer["blob"],
  options: { readonly parentChainId?: Digest | undefined; readonly lease: Lease },
): Promise<ImageLayer> {
  // Before it is looked for: one that is there already must not go meanwhile.
  options.lease.hold(chainIdOf(options.parentChainId, staged.diffId));
  const info = await context.layers.place(staged, options.parentChainId);
  return { diffId: info.diffId, blob, sizeBytes: info.sizeBytes };
}

export async function storeCompressed(
  context: ImageContext,
  tar: Readable,
  options: {
    readonly lease: Lease;
    readonly signal?: AbortSignal | undefined;
    readonly isDurable?: boolean;
  },
): Promise<ImageLayer["blob"]> {
  const writer = await context.content.write();
  try {
    for await (const chunk of compressGzip(tar, options.signal)) await writer.append(chunk);
    const size = writer.bytes;
    options.lease.hold(writer.digest());
    const digest = await writer.commit(undefined, { isDurable: options.isDurable ?? true });
    return { mediaType: DOCKER.layer, digest, size };
  } finally {
    await writer.discard();
  }
}

/**
 * A new layer from the upper folder of an overlay that is no longer mounted: the folder itself becomes the
 * unpacked layer. Not yet safe from a power cut: see `ContentStore.makeDurable`.
 */
export async function adoptUpper(
  context: ImageContext,
  upperDir: string,
  options: {
    readonly parentChainId: Digest | undefined;
    readonly lease: Lease;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<ImageLayer> {
  const meter = new DigestMeter();
  const tar = diffTar(upperDir);
  const fed = pipeline(tar, meter, signalOption(options.signal));
  const [blob] = await Promise.all([storeCompressed(context, meter, { ...options, isDurable: false }), fed]);
  const staged = await context.layers.stageFolder(upperDir, meter.digest(), tar.fileBytes);
  return placed(context, staged, blob, options);
}

/** Hands everything to two readers, at the pace of the slower one. */
class Fork extends Writable {
  readonly #outputs: readonly [Writable, Writable];

  constructor(...outputs: readonly [Writable, Writable]) {
    super({ highWaterMark: 1 << 16 });
    this.#outputs = outputs;
    for (const output of outputs) output.on("error", (error) => this.destroy(error));
    for (const output of outputs) output.on("close", () => this.#closed());
  }

  #closed(): void {
    const isCut = this.#outputs.some((output) => output.destroyed && !output.writableFinished);
    if (isCut && !this.writableFinished) this.destroy(new Error("a reader has stopped reading"));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const waiting = this.#outputs.filter((output) => !output.write(chunk));
    if (waiting.length === 0) done();
    let left = waiting.length;
    for (const output of waiting) {
      output.once("drain", () => {
        left -= 1;
        if (left === 0) done();
      });
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    for (const output of this.#outputs) output.end();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    for (const output of this.#outputs) {
      if (!output.writableEnded) output.destroy(error ?? new Error("the archive ended too early"));
    }
    done(error);
  }
}

function isPremature(error: unknown): boolean {
  const isCut = error instanceof Error && error.message === "a reader has stopped reading";
  return isCut || (error instanceof Error && "code" in error && error.code === "ERR_STREAM_PREMATURE_CLOSE");
}

function signalOption(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
