import type { Readable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
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

/** More than a pipe and its stream hold of what nobody has read: what comes behind it was written after the end. */
const MOST_HELD_BYTES = 2 << 20;

/**
 * Chunks of several streams as they come, no faster than they are taken; ends when all have ended, and destroys them
 * once `end` is aborted and what was written until then has been taken. One promise at a time waits for all of them: a
 * promise for each would keep whatever came on one stream for as long as another is silent
 * (https://github.com/nodejs/node/issues/17469).
 */
export async function* mergeOutput(
  sources: readonly OutputSource[],
  end?: AbortSignal,
): AsyncGenerator<OutputChunk, void, void> {
  const open = new Set(sources);
  let lateBytes = 0;
  let wake = () => {};
  const ring = () => wake();
  for (const { readable } of sources) for (const event of EVENTS) readable.on(event, ring);
  end?.addEventListener("abort", ring);
  try {
    while (open.size > 0 && lateBytes < MOST_HELD_BYTES) {
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
        if (end?.aborted) lateBytes += data.length;
        yield { stream, data };
      }
      if (hasRead || open.size === 0) continue;
      if (!end?.aborted) await rung;
      else if (!(await Promise.race([rung.then(() => true), isSilent()]))) break;
    }
  } finally {
    end?.removeEventListener("abort", ring);
    if (end?.aborted) for (const { readable } of open) readable.destroy();
    for (const { readable } of sources) for (const event of EVENTS) readable.off(event, ring);
  }
}

/** Resolves to false once a stream that has just been asked for more would have brought what there is. */
async function isSilent(): Promise<false> {
  // The first turn may be over before the system is asked.
  await nextTurn();
  await nextTurn();
  return false;
}

const EVENTS = ["readable", "end", "close", "error"] as const;
