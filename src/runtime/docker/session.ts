import type { OutputChunk, Session } from "../index.ts";
import { RuntimeError } from "../index.ts";
import type { Connection, Hijacked } from "./connection.ts";
import { chunksOf } from "./read-stream.ts";

/** A hijacked connection as the port's session. */
export function hijackedSession(
  connection: Hijacked,
  options: {
    readonly isFramed: boolean;
    readonly resize: Session["resize"];
    readonly signal?: AbortSignal | undefined;
    /** Awaited before the output ends, unless the session is closed. */
    readonly afterOutput?: (closing: AbortSignal) => Promise<void>;
  },
): Session {
  const { input, output } = connection;
  const closing = new AbortController();
  const close = (): void => {
    closing.abort();
    input.destroy();
    output.destroy();
  };
  input.on("error", () => undefined);
  options.signal?.addEventListener("abort", close, { once: true });
  if (options.signal?.aborted === true) close();
  return {
    output: { [Symbol.asyncIterator]: () => readOutput() },
    write: (data) =>
      new Promise((resolve, reject) => {
        if (!input.writable)
          reject(new RuntimeError("conflict", "Cannot write to the process: its stdin is closed"));
        else
          input.write(data, (error) =>
            error === null || error === undefined
              ? resolve()
              : reject(new RuntimeError("conflict", "Cannot write to the process", { cause: error })),
          );
      }),
    end: () => new Promise((resolve) => (input.writable ? input.end(() => resolve()) : resolve())),
    resize: options.resize,
    close,
  };

  async function* readOutput(): AsyncGenerator<OutputChunk> {
    yield* chunksOf(output, options.isFramed, closing.signal);
    if (!closing.signal.aborted) await options.afterOutput?.(closing.signal);
  }
}

export function isFramed(hijacked: Pick<Hijacked, "contentType">): boolean {
  return hijacked.contentType.includes("multiplexed-stream");
}

export async function resize(
  connection: Connection,
  path: string,
  size: Parameters<Session["resize"]>[0],
): Promise<void> {
  await connection.status("POST", path, { query: { h: size.rows, w: size.columns } });
}
