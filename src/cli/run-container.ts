import type { ContainerRuntime } from "../runtime/index.ts";
import { hasKind, RuntimeError } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { proxySignals } from "./proxy-signals.ts";
import { messageOf } from "./render/error.ts";
import { pumpTerminal } from "./terminal-session.ts";

export interface RunContainerOptions {
  /** Id or name of a container that is created and not started. */
  readonly id: string;
  readonly tty: boolean;
  readonly hasStdin: boolean;
  /** Removed when it has ended; the engine does it, too, when it can. */
  readonly isRemoved: boolean;
  readonly detachKeys?: string;
}

/** Starts a container with our terminal as its; resolves to its exit code, or docker's 125 to 127. */
export async function runContainer(
  context: Context,
  runtime: ContainerRuntime,
  options: RunContainerOptions,
): Promise<number> {
  const { id, tty, hasStdin } = options;
  const session = await runtime.containers.attach(id, { stdin: hasStdin, stdout: true, stderr: true });
  // Asked for before the start, so that the end of a short life is not missed.
  const ended = runtime.containers.wait(id, { condition: options.isRemoved ? "removed" : "next-exit" });
  ended.catch(() => {});
  try {
    await runtime.containers.start(id);
  } catch (error) {
    session.close();
    if (options.isRemoved)
      await runtime.containers.remove(id, { force: true, volumes: true }).catch(() => {});
    context.note(`stowage: ${messageOf(error)}`);
    return startFailure(error);
  }
  const release = tty ? () => {} : proxySignals(runtime, id);
  try {
    const end = await pumpTerminal(context, {
      session,
      tty,
      hasStdin,
      ...(tty && { detachKeys: options.detachKeys ?? "ctrl-p,ctrl-q" }),
    });
    return end === "detached" ? EXIT.ok : (await ended).exitCode;
  } finally {
    release();
  }
}

function startFailure(error: unknown): number {
  if (error instanceof RuntimeError && error.exitCode !== undefined && error.exitCode !== 128)
    return error.exitCode;
  return hasKind(error, "cancelled") ? EXIT.interrupted : EXIT.engineFailed;
}
