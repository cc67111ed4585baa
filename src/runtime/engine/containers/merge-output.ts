import type { Readable } from "node:stream";
import type { OutputChunk, OutputStream } from "../../index.ts";

export interface OutputSource {
  readonly stream: OutputStream;
  readonly readable: Readable;
}

/** Chunks of several streams as they come, no faster than they are taken; ends when all have ended. */
export async function* mergeOutput(
  sources: readonly OutputSource[],
): AsyncGenerator<OutputChunk, void, void> {
  const pending = new Map(sources.map((source) => [source.stream, next(source)]));
  while (pending.size > 0) {
    const { source, chunk } = await Promise.race(pending.values());
    if (chunk === undefined) pending.delete(source.stream);
    else {
      pending.set(source.stream, next(source));
      yield { stream: source.stream, data: chunk };
    }
  }
}

async function next(source: OutputSource): Promise<{ source: OutputSource; chunk: Uint8Array | undefined }> {
  const { readable } = source;
  for (;;) {
    const chunk: Uint8Array | null = readable.read();
    if (chunk !== null) return { source, chunk };
    if (readable.readableEnded || readable.destroyed) return { source, chunk: undefined };
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of EVENTS) readable.off(event, done);
        resolve();
      };
      for (const event of EVENTS) readable.once(event, done);
    });
  }
}

const EVENTS = ["readable", "end", "close", "error"] as const;
