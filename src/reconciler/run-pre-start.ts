import { createHash } from "node:crypto";
import type { ExecHookStep, OneOffOptions } from "../planner/index.ts";
import { type ContainerSpec, hasKind } from "../runtime/index.ts";
import { createOneOff } from "./create-one-off.ts";
import type { PerformContext } from "./perform-step.ts";
import { StepError } from "./step-error.ts";

/** Runs a `pre_start` hook in a container that is gone afterwards; rejects when it does not succeed. */
export async function runPreStart(
  step: ExecHookStep,
  context: PerformContext,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, stack } = context;
  const { service } = step.container;
  const name = `${step.container.name}-pre-start-${step.index + 1}`;
  const remove = () =>
    runtime.containers.remove(name, { force: true, volumes: true }).catch((error: unknown) => {
      if (!hasKind(error, "not-found")) throw error;
    });
  // One of a pass that was cut off.
  await remove();
  await createOneOff(runtime, stack, { service, ...optionsOf(step, name) }, (spec) => specOf(spec, step));
  try {
    const exitCode = await run(name, step, context, signal);
    if (exitCode !== 0)
      throw new StepError(`${service} pre_start[${step.index}] hook exited with status ${exitCode}`);
  } finally {
    await remove();
  }
}

function optionsOf(step: ExecHookStep, name: string): OneOffOptions {
  const { command, user, workingDir } = step;
  return {
    slug: createHash("sha256").update(name).digest("hex"),
    name,
    command,
    ...(user !== undefined && { user }),
    ...(workingDir !== undefined && { workingDir }),
  };
}

/** The image's own entrypoint, and the volumes of the container that waits: whatever the hook leaves there is for it. */
function specOf(spec: ContainerSpec, { container, env, privileged }: ExecHookStep): ContainerSpec {
  const {
    entrypoint: _entrypoint,
    mounts: _mounts,
    healthcheck: _check,
    log: _log,
    networks,
    ...rest
  } = spec;
  return {
    ...rest,
    ...(networks !== undefined && { networks: withoutAddresses(networks) }),
    volumesFrom: [container.id ?? container.name],
    ...(env !== undefined && { env: [...(spec.env ?? []), ...env] }),
    ...(privileged === true && { privileged: true }),
  };
}

/** They are those of the container that waits. */
function withoutAddresses(
  networks: NonNullable<ContainerSpec["networks"]>,
): NonNullable<ContainerSpec["networks"]> {
  return Object.fromEntries(Object.keys(networks).map((network) => [network, {}]));
}

async function run(
  name: string,
  step: ExecHookStep,
  { runtime, emit }: PerformContext,
  signal: AbortSignal,
): Promise<number> {
  const { containers } = runtime;
  await containers.start(name);
  for await (const { stream, data } of containers.logs(name, { follow: true, signal }))
    emit({ kind: "hook-output", name: step.container.name, stepId: step.id, stream, data });
  return (await containers.wait(name, { signal })).exitCode;
}
