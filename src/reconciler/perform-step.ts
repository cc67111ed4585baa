import { unreachable } from "../lib/bug.ts";
import type { Clock } from "../lib/clock.ts";
import { unlessAborted } from "../lib/unless-aborted.ts";
import {
  type CreateContainerStep,
  LABEL,
  type PullStep,
  type Step,
  type WaitStep,
} from "../planner/index.ts";
import { type ContainerRuntime, hasKind, type NetworkSpec } from "../runtime/index.ts";
import type { Stack } from "../spec/index.ts";
import { buildImage } from "./build-image.ts";
import type { ContainerWatch } from "./container-watch.ts";
import { createContainer, type Lookups } from "./create-container.ts";
import type { ProgressEvent } from "./progress.ts";
import type { Edge } from "./reconcile.ts";
import { runHook } from "./run-hook.ts";
import { runPreStart } from "./run-pre-start.ts";
import { StepError } from "./step-error.ts";
import { waitUntil } from "./wait-until.ts";
import { writeFiles } from "./write-files.ts";

export interface PerformContext {
  readonly runtime: ContainerRuntime;
  readonly stack: Stack;
  readonly edge: Edge;
  readonly clock: Clock;
  readonly watch: ContainerWatch;
  readonly lookups: Lookups;
  readonly emit: (event: ProgressEvent) => void;
}

/** One step as runtime calls. What is gone when it shall go is gone; any other failure rejects, with its cause. */
export async function performStep(step: Step, context: PerformContext, signal: AbortSignal): Promise<void> {
  try {
    await perform(step, context, signal);
  } catch (error) {
    if (error instanceof StepError) throw error;
    throw new StepError(`Cannot ${describe(step)}`, { cause: error });
  }
}

/** Of its service, as Compose tells them: the container itself is as good as it can be. */
function tellWarnings(
  { id, container }: CreateContainerStep,
  warnings: readonly string[],
  emit: PerformContext["emit"],
): void {
  for (const text of warnings)
    emit({
      kind: "object",
      object: "Service",
      name: container.service,
      word: "Warning",
      phase: "warning",
      stepId: id,
      text,
    });
}

async function perform(step: Step, context: PerformContext, signal: AbortSignal): Promise<void> {
  const { runtime, stack, emit } = context;
  const { containers, networks, volumes, images } = runtime;
  switch (step.do) {
    case "pull":
      return pull(step, context, signal);
    case "build":
      return buildImage(step, { ...context, signal });
    case "images-ready":
      return;
    case "remove-image":
      await images.remove(step.image).catch(ignoreMissing);
      return;
    case "create-network":
      return createNetwork(runtime, step.spec);
    case "remove-network":
      return networks.remove(step.networkId).catch(ignoreMissing);
    case "create-volume":
      await volumes.create(step.spec);
      return;
    case "remove-volume":
      return volumes.remove(step.name).catch(ignoreMissing);
    case "create-container":
      return tellWarnings(step, await createContainer(runtime, step, context.lookups), emit);
    case "write-files":
      return writeFiles(runtime, step, stack);
    case "start":
      await containers.start(keyOf(step));
      return;
    case "stop": {
      const { timeoutSeconds } = step;
      // A grace period may be endless.
      const stopping = containers.stop(keyOf(step), timeoutSeconds === undefined ? {} : { timeoutSeconds });
      await unlessAborted(stopping.catch(ignoreMissing), signal);
      return;
    }
    case "restart": {
      const { timeoutSeconds } = step;
      const restarting = containers.restart(
        keyOf(step),
        timeoutSeconds === undefined ? {} : { timeoutSeconds },
      );
      return unlessAborted(restarting, signal);
    }
    case "kill":
      return containers.kill(keyOf(step), step.signal).catch(ignoreEnded);
    case "pause":
      return containers.pause(keyOf(step));
    case "unpause":
      return containers.unpause(keyOf(step));
    case "remove":
      return containers
        .remove(keyOf(step), { force: step.force, volumes: step.volumes })
        .catch(ignoreMissing);
    case "rename":
      return containers.rename(keyOf(step), step.to);
    case "connect":
      return networks.connect(step.network, keyOf(step), step.endpoint);
    case "disconnect":
      return networks.disconnect(step.network, keyOf(step), { force: true }).catch(ignoreMissing);
    case "wait-started":
    case "wait-running":
    case "wait-healthy":
    case "wait-completed":
      return wait(step, context, signal);
    case "exec-hook":
      return step.hook === "pre_start" ? runPreStart(step, context, signal) : runHook(step, context, signal);
    default:
      return unreachable(step);
  }
}

function keyOf({ container }: Extract<Step, { container: unknown }>): string {
  return container.id ?? container.name;
}

function ignoreMissing(error: unknown): void {
  if (!hasKind(error, "not-found")) throw error;
}

/** It ended by itself before the signal came. */
function ignoreEnded(error: unknown): void {
  if (!hasKind(error, "not-found", "conflict")) throw error;
}

async function pull(
  step: PullStep,
  { runtime, edge, emit }: PerformContext,
  signal: AbortSignal,
): Promise<void> {
  const credentials = await edge.credentialsFor?.(step.image);
  await runtime.images.pull(step.image, {
    signal,
    ...(step.platform !== undefined && { platform: step.platform }),
    ...(credentials !== undefined && { credentials }),
    onProgress: (progress) => emit({ kind: "pull", image: step.image, stepId: step.id, progress }),
  });
}

/** Somebody else may have made the same network since the world was read. */
async function createNetwork(runtime: ContainerRuntime, spec: NetworkSpec): Promise<void> {
  try {
    await runtime.networks.create(spec);
  } catch (error) {
    if (!hasKind(error, "already-exists")) throw error;
    const { labels } = await runtime.networks.inspect(spec.name);
    if (labels[LABEL.configHash] !== spec.labels?.[LABEL.configHash]) throw error;
  }
}

async function wait(step: WaitStep, context: PerformContext, signal: AbortSignal): Promise<void> {
  const { runtime, watch, clock } = context;
  const inspect = () => runtime.containers.inspect(step.container.name);
  if (step.timeoutMs === undefined) return waitUntil(step, { inspect, watch, clock, signal });
  const limit = new AbortController();
  const joined = AbortSignal.any([signal, limit.signal]);
  const over = new AbortController();
  clock.sleep(step.timeoutMs, over.signal).then(
    () => limit.abort(),
    () => {},
  );
  try {
    await waitUntil(step, { inspect, watch, clock, signal: joined });
  } catch (error) {
    if (limit.signal.aborted && !signal.aborted)
      throw new StepError(`container ${step.container.name} was not ready within ${step.timeoutMs / 1000} s`);
    throw error;
  } finally {
    over.abort();
  }
}

function describe(step: Step): string {
  switch (step.do) {
    case "pull":
    case "build":
    case "remove-image":
      return `${step.do.replace("-image", "")} image "${step.image}"`;
    case "images-ready":
      return "make images ready";
    case "create-network":
    case "create-volume":
      return `create ${step.do.slice(7)} "${step.spec.name}"`;
    case "remove-network":
    case "remove-volume":
      return `remove ${step.do.slice(7)} "${step.name}"`;
    case "create-container":
      return `create container "${step.container.name}"`;
    case "write-files":
      return `write configs and secrets into container "${step.container.name}"`;
    case "exec-hook":
      return `run the ${step.hook} hook of container "${step.container.name}"`;
    case "connect":
    case "disconnect":
      return `${step.do} container "${step.container.name}" ${step.do === "connect" ? "to" : "from"} network "${step.network}"`;
    case "wait-started":
    case "wait-running":
    case "wait-healthy":
    case "wait-completed":
      return `wait for container "${step.container.name}"`;
    default:
      return `${step.do} container "${step.container.name}"`;
  }
}
