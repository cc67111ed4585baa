import type { Dependency } from "../spec/index.ts";
import type { Slot } from "./fates.ts";
import type { ContainerRef, WaitStep } from "./plan.ts";
import type { ServiceFate } from "./plan-services.ts";
import { because, type Planning, refOf } from "./planning.ts";
import { dependenciesOf, dependentsOf } from "./scope.ts";

/** What is known of a service's containers once its steps are in the list. */
export interface Placed {
  readonly fate: ServiceFate;
  /** By container name: what it is called then, and the step after which it has started (undefined: it runs). */
  readonly started: ReadonlyMap<
    string,
    { readonly ref: ContainerRef; readonly stepId: string | undefined; readonly slot: Slot }
  >;
  /** The step after which its first container exists under its name. */
  readonly existsId: string | undefined;
}

export type Readiness =
  | { readonly isBlocked: false; readonly after: readonly string[] }
  | { readonly isBlocked: true; readonly why: string };

/**
 * The steps after which a service's containers may start: what it depends on has started, is healthy or has
 * completed, as its conditions say. Waiting steps are added when first needed. Blocked: something it needs has
 * ended and will not be started.
 */
export function readinessOf(
  planning: Planning,
  name: string,
  options: {
    readonly placed: ReadonlyMap<string, Placed>;
    readonly isHold: boolean;
    /** Of each wait; absent: as long as it takes. */
    readonly timeoutMs: number | undefined;
  },
): Readiness {
  const { placed, isHold, timeoutMs } = options;
  const service = planning.stack.services[name];
  const after: string[] = [];
  for (const other of dependenciesOf(service)) {
    const there = placed.get(other);
    if (there === undefined) continue;
    const dependency = service?.depends_on?.[other] ?? { condition: "service_started", required: true };
    for (const { ref, stepId, slot } of there.started.values()) {
      const step = conditionStep(planning, { ref, stepId, slot, dependency, other, isHold, timeoutMs });
      if (step === "blocked") {
        if (dependency.required) return { isBlocked: true, why: blockedBy(other, slot) };
      } else if (step !== undefined) after.push(step);
    }
  }
  return { isBlocked: false, after };
}

interface Condition {
  readonly ref: ContainerRef;
  readonly stepId: string | undefined;
  readonly slot: Slot;
  readonly dependency: Dependency;
  readonly other: string;
  readonly isHold: boolean;
  readonly timeoutMs: number | undefined;
}

function conditionStep(planning: Planning, condition: Condition): string | "blocked" | undefined {
  const { stepId, slot, dependency } = condition;
  const { container, fate } = slot;
  const isOptional = !dependency.required;
  if (stepId === undefined && fate.kind === "leave") {
    const isMet = dependency.condition === "service_completed_successfully" && container?.exitCode === 0;
    if (isMet || dependency.condition === "service_started") return undefined;
    // A person who asks is told how the wait failed; while nobody asks, there is nothing to wait for.
    if (condition.isHold) return "blocked";
  }
  if (dependency.condition === "service_started")
    return stepId === undefined || !isOptional ? stepId : addWait(planning, condition, "wait-started");
  if (dependency.condition === "service_healthy") {
    if (stepId === undefined && container?.status === "running" && container.health === "healthy")
      return undefined;
    return addWait(planning, condition, "wait-healthy");
  }
  return addWait(planning, condition, "wait-completed");
}

function addWait(
  planning: Planning,
  { ref, stepId, dependency, other, timeoutMs }: Condition,
  kind: WaitStep["do"],
): string {
  const isOptional = !dependency.required;
  const id = `container/${ref.name}:${kind}${isOptional ? "-optional" : ""}`;
  if (planning.steps.has(id)) return id;
  return planning.steps.add<WaitStep>({
    id,
    do: kind,
    container: ref,
    ...(timeoutMs !== undefined && { timeoutMs }),
    reason: because(`needed by ${neededBy(planning, other, dependency).join(", ")}`),
    after: [stepId],
    ...(isOptional && { isOptional }),
  });
}

function neededBy(planning: Planning, name: string, like: Dependency): readonly string[] {
  const all = (dependents.get(planning.stack) ?? remember(planning)).get(name) ?? [];
  return all.filter((dependent) => {
    const dependency = planning.stack.services[dependent]?.depends_on?.[name];
    return dependency?.condition === like.condition && dependency.required === like.required;
  });
}

const dependents = new WeakMap<object, ReadonlyMap<string, readonly string[]>>();

function remember(planning: Planning): ReadonlyMap<string, readonly string[]> {
  const found = dependentsOf(planning.stack);
  dependents.set(planning.stack, found);
  return found;
}

function blockedBy(other: string, { container }: Slot): string {
  return `${other} has exited (${container?.exitCode ?? 0})`;
}

/** `--wait`: everything runs and is healthy, or has completed where somebody waits for that. */
export function addFinalWaits(
  planning: Planning,
  placed: ReadonlyMap<string, Placed>,
  options: { readonly tasks: ReadonlySet<string>; readonly timeoutMs?: number },
): void {
  const { tasks, timeoutMs } = options;
  for (const [name, { started }] of placed)
    for (const { ref, stepId, slot } of started.values()) {
      const isTask = tasks.has(name);
      const { container, fate } = slot;
      if (stepId === undefined) {
        const isFine = container?.status === "running" && (container.health ?? "healthy") === "healthy";
        if (isFine || fate.kind === "leave") continue;
      }
      const kind = isTask ? "wait-completed" : "wait-running";
      const id = `container/${ref.name}:${kind}`;
      if (planning.steps.has(id) || planning.steps.has(`container/${ref.name}:wait-healthy`)) continue;
      planning.steps.add<WaitStep>({
        id,
        do: kind,
        container: stepId === undefined && container !== undefined ? refOf(container) : ref,
        ...(timeoutMs !== undefined && { timeoutMs }),
        reason: because("asked to wait"),
        after: [stepId],
      });
    }
}
