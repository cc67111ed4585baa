import type { Service } from "../spec/index.ts";
import { type Draft, restartPolicyOf } from "./container-spec.ts";
import type { ObservedContainer } from "./observed.ts";
import type { Reason } from "./plan.ts";
import { because, isRunning } from "./planning.ts";

/** What becomes of one container of a service. */
export type Fate =
  /** As it should be. */
  | { readonly kind: "keep" }
  /** Ended, and not ours to start: finished, or failed while nobody asks. */
  | { readonly kind: "leave"; readonly isFinished: boolean }
  | { readonly kind: "start"; readonly reason: Reason }
  | { readonly kind: "pause" | "unpause"; readonly reason: Reason }
  | { readonly kind: "stop"; readonly reason: Reason }
  /** Stopped and started again, unchanged. */
  | { readonly kind: "restart"; readonly reason: Reason }
  | { readonly kind: "create"; readonly reason: Reason }
  | { readonly kind: "replace"; readonly reason: Reason; readonly order: "create-first" | "remove-first" }
  | { readonly kind: "remove"; readonly reason: Reason };

/** One container that is there or should be. */
export interface Slot {
  readonly serviceName: string;
  readonly service: Service;
  readonly number: number;
  /** The name it shall have. */
  readonly name: string;
  readonly draft: Draft;
  readonly container?: ObservedContainer;
  readonly fate: Fate;
  /** Networks it is to be attached to as it is. */
  readonly connect: readonly string[];
}

export interface RunState {
  readonly wanted: "running" | "stopped" | "paused";
  readonly service: Service;
  readonly isHold: boolean;
  readonly isNoStart: boolean;
  /** Somebody depends on its success: it is a task that ends. */
  readonly isTask: boolean;
  /** A person asks to run it again though it has finished. */
  readonly runsFinished: boolean;
}

/** What an unchanged container needs, so that it runs, or does not, as was asked. */
export function runFate(container: ObservedContainer, state: RunState): Fate {
  const { wanted, isHold, isNoStart } = state;
  if (wanted === "stopped")
    return isHold && isRunning(container)
      ? { kind: "stop", reason: because(`${container.status}, should be stopped`) }
      : { kind: "keep" };
  if (wanted === "paused" && isHold) return pausedFate(container);
  if (isNoStart) return { kind: "keep" };
  switch (container.status) {
    case "running":
    case "restarting":
      return { kind: "keep" };
    case "paused":
      return { kind: "unpause", reason: because("paused, should run") };
    case "created":
      return { kind: "start", reason: because("created, should run") };
    default:
      return endedFate(container, state);
  }
}

function pausedFate(container: ObservedContainer): Fate {
  if (container.status === "running") return { kind: "pause", reason: because("running, should be paused") };
  return { kind: "keep" };
}

/**
 * An ended container: what somebody else stopped is started again; what ended by itself stays ended where its
 * policy says so, unless it failed and a person asks now. On engines that do not tell who stopped it, a success
 * counts as an end of its own only for tasks.
 */
function endedFate(container: ObservedContainer, state: RunState): Fate {
  const { exitCode, wasStoppedManually } = container;
  const policy = restartPolicyOf(state.service)?.name ?? "no";
  const isBound = policy === "always" || policy === "unless-stopped";
  const start: Fate = { kind: "start", reason: because(`exited (${exitCode}), should run`) };
  if (wasStoppedManually === true || isBound || state.runsFinished) return start;
  const endedItself = wasStoppedManually === false || state.isTask || state.isHold;
  if (exitCode === 0 && endedItself) return { kind: "leave", isFinished: true };
  return state.isHold ? { kind: "leave", isFinished: false } : start;
}
