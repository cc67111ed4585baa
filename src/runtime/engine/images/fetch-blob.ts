import { type ImageProgress, RuntimeError } from "../../index.ts";
import type { BlobWriter, Descriptor } from "./content-store.ts";
import type { ImageContext } from "./image-context.ts";
import type { RegistrySession, Repository } from "./registry/index.ts";

/** At most so often a layer's progress is told. */
const PROGRESS_EVERY_MS = 100;

export interface FetchOptions {
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly onProgress?: ((progress: Omit<ImageProgress, "id">) => void) | undefined;
}

/**
 * Brings a blob into the store: goes on where a broken connection left off, starts anew when what came is not
 * what was promised, and verifies length and digest.
 */
export async function fetchBlob(
  context: ImageContext,
  blob: Descriptor,
  options: FetchOptions,
): Promise<void> {
  await context.fetching.run(blob.digest, async () => {
    if (await context.content.hasAll([blob])) return;
    const writer = await context.content.resume(blob.digest);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          await download(context, blob, writer, options);
          options.onProgress?.({ status: "Verifying Checksum" });
          await writer.commit(blob.digest);
          return;
        } catch (error) {
          // What came in full and is wrong is not kept; what is merely incomplete is.
          if (error instanceof RuntimeError && error.kind === "invalid") {
            await writer.restart();
            if (attempt > 1) throw error;
          } else await options.session.waitToRetry(error, attempt);
        }
      }
    } finally {
      await writer.suspend();
    }
  });
}

async function download(
  context: ImageContext,
  blob: Descriptor,
  writer: BlobWriter,
  options: FetchOptions,
): Promise<void> {
  if (writer.bytes > blob.size) await writer.restart();
  if (writer.bytes < blob.size || blob.size === 0) {
    await context.content.refuseUnlessRoom(blob.size - writer.bytes);
    const { body, isPartial } = await options.repository.blob(blob.digest, writer.bytes);
    if (!isPartial) await writer.restart();
    const report = paced(options, blob.size);
    try {
      for await (const chunk of body) {
        if (writer.bytes + chunk.length > blob.size)
          throw new RuntimeError(
            "invalid",
            `Blob ${blob.digest} is longer than the ${blob.size} bytes stated`,
          );
        await writer.append(chunk);
        report(writer.bytes);
      }
    } catch (cause) {
      if (cause instanceof RuntimeError && cause.kind === "invalid") throw cause;
      throw new RuntimeError("unavailable", `Cannot download blob ${blob.digest}`, { cause });
    } finally {
      body.destroy();
    }
  }
  if (writer.bytes < blob.size)
    throw new RuntimeError(
      "unavailable",
      `Cannot download blob ${blob.digest}: it ended at ${writer.bytes} of ${blob.size} bytes`,
    );
}

function paced({ onProgress }: FetchOptions, totalBytes: number): (currentBytes: number) => void {
  let last = 0;
  return (currentBytes) => {
    const now = Date.now();
    if (now - last < PROGRESS_EVERY_MS && currentBytes < totalBytes) return;
    last = now;
    onProgress?.({ status: "Downloading", currentBytes, totalBytes });
  };
}
