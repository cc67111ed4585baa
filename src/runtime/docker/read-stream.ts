import type { Readable } from "node:stream";
import { FrameReader } from "../docker-api/index.ts";
import { type OutputChunk, RuntimeError } from "../index.ts";

/**
 * The bytes of an answer. Leaving the iteration ends the connection; an abort ends the iteration quietly,
 * as does the engine's end; a connection that breaks is `unavailable`.
 */
export async function* bytesOf(source: Readable, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const stop = (): void => {
    source.destroy();
  };
  signal?.addEventListener("abort", stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    for await (const chunk of source) yield chunk;
  } catch (error) {
    if (signal?.aborted === true) return;
    if (!isCut(error)) throw error;
    throw new RuntimeError("unavailable", "Cannot read on: the connection to the engine was cut", {
      cause: error,
    });
  } finally {
    signal?.removeEventListener("abort", stop);
    source.destroy();
  }
}

function isCut(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNRESET" || code === "ERR_STREAM_PREMATURE_CLOSE" || code === "EPIPE";
}

/** Lines of text, without their ends; empty ones are left out. */
export async function* linesOf(source: Readable, signal?: AbortSignal): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const bytes of bytesOf(source, signal)) {
    let from = 0;
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, from)) {
      const line = all.toString("utf8", from, end).trim();
      from = end + 1;
      if (line !== "") yield line;
    }
    rest = all.subarray(from);
  }
  const last = rest.toString("utf8").trim();
  if (last !== "") yield last;
}

/** Output as it came, framed or not. */
export async function* chunksOf(
  source: Readable,
  isFramed: boolean,
  signal?: AbortSignal,
): AsyncGenerator<OutputChunk> {
  const reader = new FrameReader();
  for await (const bytes of bytesOf(source, signal)) {
    if (isFramed) yield* reader.push(bytes);
    else yield { stream: "stdout", data: bytes };
  }
}
