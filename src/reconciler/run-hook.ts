import type { ExecHookStep } from "../planner/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";
import type { ProgressEvent } from "./progress.ts";
import { StepError } from "./step-error.ts";

/** Runs a hook in its container; rejects when it does not succeed. */
export async function runHook(
  runtime: ContainerRuntime,
  step: ExecHookStep,
  emit: (event: ProgressEvent) => void,
): Promise<void> {
  const { containers } = runtime;
  const { name, id, service } = step.container;
  const execId = await containers.createExec(id ?? name, {
    command: step.command,
    attachStdout: true,
    attachStderr: true,
    ...(step.user !== undefined && { user: step.user }),
    ...(step.privileged === true && { privileged: true }),
    ...(step.workingDir !== undefined && { workingDir: step.workingDir }),
    ...(step.env !== undefined && { env: step.env }),
  });
  const session = await containers.startExec(execId);
  if (session !== undefined)
    for await (const { stream, data } of session.output)
      emit({ kind: "hook-output", name, stepId: step.id, stream, data });
  const { exitCode = 0 } = await containers.inspectExec(execId);
  if (exitCode !== 0) throw new StepError(`${service} hook exited with status ${exitCode}`);
}
