import { progressToWire, streamErrorToWire } from "../runtime/docker-api/index.ts";
import { type ImageProgress, RuntimeError } from "../runtime/index.ts";
import type { Call, ResponseStream } from "./call.ts";
import { messageOf, SENT } from "./reply.ts";

export interface ProgressStream {
  progress(progress: ImageProgress): void;
  /** A line of another form. Resolves when more may be written. */
  line(value: unknown): Promise<void>;
}

/**
 * A stream of JSON lines. It begins with the first line: what fails before is an ordinary error, what fails
 * later is told in the stream, under the status 200 that has gone out already.
 */
export async function streamProgress(
  call: Call,
  work: (stream: ProgressStream) => Promise<void>,
): Promise<typeof SENT> {
  let stream: ResponseStream | undefined;
  const line = (value: unknown): Promise<void> => {
    stream ??= call.openStream({ contentType: "application/json" });
    return stream.write(`${JSON.stringify(value)}\r\n`);
  };
  try {
    await work({ line, progress: (progress) => void line(progressToWire(progress)) });
    stream ??= call.openStream({ contentType: "application/json" });
  } catch (error) {
    if (stream === undefined) throw error;
    await line(
      streamErrorToWire(messageOf(error), {
        code: commandExitCode(error),
        kind: call.isExtended && error instanceof RuntimeError ? error.kind : undefined,
      }),
    );
  }
  return SENT;
}

/** Of a build whose command failed clients take the command's exit code for their own. */
function commandExitCode(error: unknown): number | undefined {
  if (error instanceof RuntimeError && error.exitCode !== undefined) return error.exitCode;
  const code = / returned a non-zero code: (\d+)/.exec(messageOf(error))?.[1];
  return code === undefined ? undefined : Number(code);
}
