import { unlessAborted } from "../lib/unless-aborted.ts";
import type { ExecHookStep } from "../planner/index.ts";
import type { PerformContext } from "./perform-step.ts";
import { StepError } from "./step-error.ts";

/** Runs a hook in its container; rejects when it does not succeed, or is left to itself because `signal` aborts. */
export async function runHook(
  step: ExecHookStep,
  { runtime, emit }: Pick<PerformContext, "runtime" | "emit">,
  signal: AbortSignal,
): Promise<void> {
  const { containers } = runtime;
  const { name, id, service } = step.container;
  const creating = containers.createExec(id ?? name, {
    command: step.command,
    attachStdout: true,
    attachStderr: true,
    ...(step.user !== undefined && { user: step.user }),
    ...(step.privileged === true && { privileged: true }),
    ...(step.workingDir !== undefined && { workingDir: step.workingDir }),
    ...(step.env !== undefined && { env: step.env }),
  });
  const execId = await unlessAborted(creating, signal);
  const starting = containers.startExec(execId);
  const letGo = () =>
    void starting.then(
      (session) => session?.close(),
      () => {},
    );
  signal.addEventListener("abort", letGo, { once: true });
  try {
    const session = await unlessAborted(starting, signal);
    if (session !== undefined)
      for await (const { stream, data } of session.output)
        emit({ kind: "hook-output", name, stepId: step.id, stream, data });
  } finally {
    signal.removeEventListener("abort", letGo);
  }
  signal.throwIfAborted();
  const { exitCode = 0 } = await containers.inspectExec(execId);
  if (exitCode !== 0) throw new StepError(`${service} hook exited with status ${exitCode}`);
}
