import PQueue from "p-queue";
import type { Plan, Step } from "../planner/index.ts";
import type { StepResult } from "./report.ts";

export interface ExecuteOptions {
  /** Does one step; rejects when it could not. */
  readonly perform: (step: Step, signal: AbortSignal) => Promise<void>;
  readonly signal: AbortSignal;
  /** Ends waiting alone: what is done is done to its end. */
  readonly patience?: AbortSignal;
  /** Steps at once. */
  readonly concurrency: number;
  /** Pulls and builds at once, when fewer than that. */
  readonly imagesAtOnce?: number;
  readonly onResult?: (result: StepResult) => void;
}

/**
 * Runs a plan. It decides nothing: the order, and what to do, are already in the plan.
 *
 * A step starts only when every step it waits for is done (or was optional); when one of them failed or was
 * skipped, it is skipped too. Never rejects: the outcome of every step is in the answer, in the plan's order.
 * Waiting steps hold no place in the queue, so that they cannot keep what they wait for from running.
 */
export async function execute(plan: Plan, options: ExecuteOptions): Promise<readonly StepResult[]> {
  const { perform, signal, patience, onResult } = options;
  const waiting = patience === undefined ? signal : AbortSignal.any([signal, patience]);
  const queue = new PQueue({ concurrency: options.concurrency });
  const images =
    options.imagesAtOnce === undefined ? queue : new PQueue({ concurrency: options.imagesAtOnce });
  const results = new Map<string, Promise<StepResult>>();
  for (const step of plan.steps) results.set(step.id, resultOf(step));
  return Promise.all(results.values());

  async function resultOf(step: Step): Promise<StepResult> {
    const before = await Promise.all(step.after.map((id) => results.get(id)));
    const isReady = before.every((earlier) => earlier !== undefined && letsOthersGoOn(earlier));
    const result = isReady ? await turnOf(step) : blocked(step);
    onResult?.(result);
    return result;
  }

  async function turnOf(step: Step): Promise<StepResult> {
    if (isWaiting(step)) return attempt(step);
    const isOfImage = step.do === "pull" || step.do === "build";
    return (isOfImage ? images : queue).add(() => attempt(step));
  }

  function signalOf(step: Step): AbortSignal {
    return waitsForOthers(step) ? waiting : signal;
  }

  async function attempt(step: Step): Promise<StepResult> {
    const own = signalOf(step);
    if (own.aborted) return { step, status: "skipped" };
    try {
      await perform(step, own);
      return { step, status: "done" };
    } catch (error) {
      return { step, status: step.isOptional === true && !own.aborted ? "warned" : "failed", error };
    }
  }

  function blocked(step: Step): StepResult {
    return { step, status: step.isOptional === true && !signalOf(step).aborted ? "warned" : "skipped" };
  }
}

function letsOthersGoOn(result: StepResult): boolean {
  return result.status === "done" || result.status === "warned";
}

function isWaiting(step: Step): boolean {
  return waitsForOthers(step) || step.do === "images-ready";
}

function waitsForOthers(step: Step): boolean {
  return step.do.startsWith("wait-");
}
