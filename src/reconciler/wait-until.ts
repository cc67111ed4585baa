import type { Clock } from "../lib/clock.ts";
import type { WaitStep } from "../planner/index.ts";
import type { ContainerInfo } from "../runtime/index.ts";
import type { ContainerWatch } from "./container-watch.ts";
import { StepError } from "./step-error.ts";

export interface WaitContext {
  readonly inspect: () => Promise<ContainerInfo>;
  readonly watch: ContainerWatch;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Whoever has no health check counts as running when it has not ended so soon; Compose looks as late. */
const STEADY_MS = 500;

/**
 * Waits until a container is as a dependency's condition says. Rejects, in Compose's words (RELIABILITY of its
 * `depends_on`), when it cannot become so any more.
 */
export async function waitUntil(step: WaitStep, context: WaitContext): Promise<void> {
  const end = new AbortController();
  const signal = AbortSignal.any([context.signal, end.signal]);
  let metSinceMs: number | undefined;
  try {
    for (;;) {
      // Subscribed before looking, so that a change in between wakes.
      const change = context.watch.nextChange(signal);
      change.catch(() => {});
      const container = await context.inspect();
      if (isMet(step, container)) {
        metSinceMs ??= context.clock.now();
        const leftMs = metSinceMs + steadyMs(step, container) - context.clock.now();
        if (leftMs <= 0) return;
        await Promise.race([change, context.clock.sleep(leftMs, signal)]);
      } else {
        metSinceMs = undefined;
        await change;
      }
    }
  } finally {
    end.abort();
  }
}

function steadyMs({ do: what }: WaitStep, { state }: ContainerInfo): number {
  return what === "wait-running" && state.health === undefined ? STEADY_MS : 0;
}

function isMet(step: WaitStep, { state, name }: ContainerInfo): boolean {
  if (step.do === "wait-started") return true;
  if (step.do === "wait-completed") {
    if (state.status !== "exited" && state.status !== "dead") return false;
    if (state.exitCode === 0) return true;
    throw new StepError(
      `service "${step.container.service}" didn't complete successfully: exit ${state.exitCode}`,
    );
  }
  const prefix = step.do === "wait-healthy" ? "dependency failed to start: " : "";
  if (state.status === "exited" || state.status === "dead")
    throw new StepError(`${prefix}container ${name} exited (${state.exitCode})`);
  const { health } = state;
  if (health === undefined) {
    if (step.do === "wait-running") return state.status === "running";
    if (state.status !== "running") return false;
    throw new StepError(`${prefix}container ${name} has no healthcheck configured`);
  }
  if (state.status === "running" && health.status === "unhealthy")
    throw new StepError(`${prefix}container ${name} is unhealthy`);
  return state.status === "running" && health.status === "healthy";
}
