import type { Readable } from "node:stream";
import type { OutputChunk, OutputStream } from "../../index.ts";
import type { Program } from "../host/index.ts";

export interface OutputSource {
  readonly stream: OutputStream;
  readonly readable: Readable;
}

/** What a program writes to the pipes that we gave it. */
export function outputsOf({ stdout, stderr }: Program): readonly OutputSource[] {
  return [
    ...(stdout === null ? [] : [{ stream: "stdout" as const, readable: stdout }]),
    ...(stderr === null ? [] : [{ stream: "stderr" as const, readable: stderr }]),
  ];
}

/**
 * Chunks of several streams as they come, no faster than they are taken; ends when all have ended. One promise at a
 * time waits for all of them: a promise for each would keep whatever came on one stream for as long as another is
 * silent (https://github.com/nodejs/node/issues/17469).
 */
export async function* mergeOutput(
  sources: readonly OutputSource[],
): AsyncGenerator<OutputChunk, void, void> {
  const open = new Set(sources);
  let wake = () => {};
  const ring = () => wake();
  for (const { readable } of sources) for (const event of EVENTS) readable.on(event, ring);
  try {
    while (open.size > 0) {
      // Made before the look: what comes during it is not missed.
      const rung = new Promise<void>((resolve) => {
        wake = resolve;
      });
      let hasRead = false;
      for (const source of open) {
        const { stream, readable } = source;
        const data: Uint8Array | null = readable.read();
        if (data === null) {
          if (readable.readableEnded || readable.destroyed) open.delete(source);
          continue;
        }
        hasRead = true;
        yield { stream, data };
      }
      if (!hasRead && open.size > 0) await rung;
    }
  } finally {
    for (const { readable } of sources) for (const event of EVENTS) readable.off(event, ring);
  }
}

const EVENTS = ["readable", "end", "close", "error"] as const;
