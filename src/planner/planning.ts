import type { Stack } from "../spec/index.ts";
import type { Desired } from "./desired.ts";
import { LABEL } from "./labels.ts";
import { finalName } from "./names.ts";
import type { Observed, ObservedContainer } from "./observed.ts";
import type { Hazard, KeptContainer, Note, Plan, PlanProblem, Reason } from "./plan.ts";
import { StepList } from "./step-list.ts";

/** A plan in the making: what it is made from, and what was found so far. */
export interface Planning {
  readonly stack: Stack;
  readonly desired: Desired;
  readonly observed: Observed;
  /** Containers by service, by number; one-off ones left out. */
  readonly byService: ReadonlyMap<string, readonly ObservedContainer[]>;
  readonly steps: StepList;
  readonly problems: PlanProblem[];
  readonly hazards: Hazard[];
  readonly notes: Note[];
  readonly kept: KeptContainer[];
  readonly refreshes: string[];
  /** The last `pre_start` step of each service that has one in this plan. */
  readonly preStarts: Map<string, string>;
}

export function startPlanning(desired: Desired, observed: Observed): Planning {
  return {
    stack: desired.stack,
    desired,
    observed,
    byService: containersByService(observed),
    steps: new StepList(),
    problems: [],
    hazards: [],
    notes: [],
    kept: [],
    refreshes: [],
    preStarts: new Map(),
  };
}

export function finishPlan(planning: Planning): Plan {
  const { observed, steps, problems, hazards, notes, kept, refreshes } = planning;
  return {
    stackName: observed.stackName,
    steps: steps.all(),
    problems: unique(problems),
    hazards: unique(hazards),
    notes: unique(notes),
    kept,
    refreshes,
  };
}

function unique<T extends { readonly message: string; readonly path?: string }>(
  all: readonly T[],
): readonly T[] {
  return [...new Map(all.map((one) => [`${one.path ?? ""} ${one.message}`, one])).values()];
}

function containersByService(observed: Observed): ReadonlyMap<string, readonly ObservedContainer[]> {
  const found = new Map<string, ObservedContainer[]>();
  for (const container of observed.containers) {
    if (isOneOff(container)) continue;
    const service = serviceOf(container);
    const list = found.get(service);
    if (list === undefined) found.set(service, [container]);
    else list.push(container);
  }
  for (const list of found.values())
    list.sort((a, b) => numberOf(a) - numberOf(b) || a.createdAtMs - b.createdAtMs || (a.id < b.id ? -1 : 1));
  return found;
}

export function serviceOf(container: ObservedContainer): string {
  return container.labels[LABEL.service] ?? "";
}

export function numberOf(container: ObservedContainer): number {
  return Number(container.labels[LABEL.number] ?? 0);
}

export function isOneOff(container: ObservedContainer): boolean {
  return container.labels[LABEL.oneoff] === "True";
}

export function isRunning({ status }: ObservedContainer): boolean {
  return status === "running" || status === "restarting" || status === "paused";
}

/** Made to take another's place, which did not come about. */
export function isLeftover(container: ObservedContainer): boolean {
  return finalName(container.name) !== undefined;
}

export function because(cause: string): Reason {
  return { cause };
}

export function refOf(container: ObservedContainer) {
  return { name: container.name, id: container.id, service: serviceOf(container) };
}
