import type { Service } from "../spec/index.ts";
import { addHooks, addRemove, addStart, addStop } from "./container-steps.ts";
import { addFinalWaits, type Placed, readinessOf } from "./dependency-order.ts";
import type { Desired } from "./desired.ts";
import type { Observed, ObservedContainer } from "./observed.ts";
import { orphansOf, planOrphans } from "./orphans.ts";
import type { KillStep, PauseStep, Plan, RestartStep } from "./plan.ts";
import { stopInOrder } from "./plan-down.ts";
import { blankFate } from "./plan-services.ts";
import {
  because,
  finishPlan,
  isRunning,
  type Planning,
  refOf,
  serviceOf,
  startPlanning,
} from "./planning.ts";
import type {
  KillOptions,
  RemoveOptions,
  RestartOptions,
  ServiceChoice,
  StartOptions,
  StopOptions,
} from "./requests.ts";
import { dependenciesOf, inDependencyOrder, scopeOf } from "./scope.ts";

const asked = because("asked");

/** Stops what runs, dependents first. */
export function planStop(desired: Desired, observed: Observed, options: StopOptions): Plan {
  const planning = startPlanning(desired, observed);
  const { timeoutSeconds } = options;
  stopInOrder(planning, chosen(planning, options), (container, after) =>
    addStop(planning, container, {
      reason: asked,
      after,
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    }),
  );
  return finishPlan(planning);
}

/** Starts containers that are there, with what they depend on, as the conditions say. Makes none. */
export function planStart(desired: Desired, observed: Observed, options: StartOptions): Plan {
  const planning = startPlanning(desired, observed);
  const { wait, waitTimeoutMs: timeoutMs } = options;
  const scope = scopeOf(planning.stack, options);
  checkKnown(planning, options.services ?? []);
  const placed = new Map<string, Placed>();
  const tasks = new Set<string>();
  for (const name of scope.ordered) {
    const fate = blankFate(planning, name);
    if (fate.slots.length === 0 && scope.explicit.has(name) && (options.services?.length ?? 0) > 0)
      planning.problems.push({ kind: "invalid", message: `service "${name}" has no container to start` });
    const { after } = readiness(planning, name, { placed, timeoutMs });
    const started = new Map<string, Placed["started"] extends ReadonlyMap<string, infer T> ? T : never>();
    for (const slot of fate.slots) {
      const { container } = slot;
      if (container === undefined) continue;
      const ref = refOf(container);
      const stepId = startIfNeeded(planning, container, after);
      started.set(container.name, { ref, stepId, slot });
    }
    for (const [needed, { condition }] of Object.entries(fate.service.depends_on ?? {}))
      if (condition === "service_completed_successfully") tasks.add(needed);
    placed.set(name, { fate, started, existsId: undefined });
  }
  if (wait === true)
    addFinalWaits(planning, placed, { tasks, ...(timeoutMs !== undefined && { timeoutMs }) });
  return finishPlan(planning);
}

function readiness(
  planning: Planning,
  name: string,
  options: { readonly placed: ReadonlyMap<string, Placed>; readonly timeoutMs: number | undefined },
) {
  const isAnyDown = (planning.byService.get(name) ?? []).some((container) => container.status !== "running");
  const found = isAnyDown ? readinessOf(planning, name, { ...options, isHold: false }) : undefined;
  return { after: found === undefined || found.isBlocked ? [] : found.after };
}

function startIfNeeded(
  planning: Planning,
  container: ObservedContainer,
  after: readonly string[],
): string | undefined {
  const { status, exitCode } = container;
  if (status === "running" || status === "restarting" || status === "paused") {
    planning.kept.push({ name: container.name, service: serviceOf(container), state: status, exitCode });
    return undefined;
  }
  return addStart(planning, refOf(container), { reason: because(`${status}, asked to start`), after });
}

/** Restarts in place, in order of dependency; dependents that restart with a service follow it. */
export function planRestart(desired: Desired, observed: Observed, options: RestartOptions): Plan {
  const planning = startPlanning(desired, observed);
  const { stack } = planning;
  checkKnown(planning, options.services ?? []);
  const { explicit } = scopeOf(stack, { ...options, noDeps: true });
  const ended = new Map<string, readonly string[]>();
  for (const name of inDependencyOrder(stack)) {
    const service = stack.services[name];
    const isRestarted = (other: string) => options.noDeps !== true && (ended.get(other)?.length ?? 0) > 0;
    const follows = followedBy(service).find(isRestarted);
    if (!explicit.has(name) && follows === undefined) continue;
    const before = dependenciesOf(service).flatMap((other) => ended.get(other) ?? []);
    const reason = explicit.has(name) ? asked : because(`restarts with ${follows}`);
    const { timeoutSeconds } = options;
    const own = (planning.byService.get(name) ?? []).map((container) => {
      const ref = refOf(container);
      const hook = isRunning(container)
        ? addHooks(planning, { ref, service, kind: "pre_stop", after: before })
        : undefined;
      const id = planning.steps.add<RestartStep>({
        id: `container/${container.name}:restart`,
        do: "restart",
        container: ref,
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
        reason,
        after: hook === undefined ? before : [hook],
      });
      return addHooks(planning, { ref, service, kind: "post_start", after: [id] }) ?? id;
    });
    ended.set(name, own);
  }
  return finishPlan(planning);
}

/** Services with which this one restarts: those it asked to, and the one whose network it shares. */
function followedBy(service: Service | undefined): readonly string[] {
  const asking = Object.entries(service?.depends_on ?? {}).flatMap(([name, { restart }]) =>
    restart === true ? [name] : [],
  );
  const mode = service?.network_mode ?? "";
  return mode.startsWith("service:") ? [...asking, mode.slice("service:".length)] : asking;
}

/** A signal to all that run, at once. */
export function planKill(desired: Desired, observed: Observed, options: KillOptions): Plan {
  const planning = startPlanning(desired, observed);
  for (const container of chosen(planning, options))
    if (isRunning(container))
      planning.steps.add<KillStep>({
        id: `container/${container.name}:kill`,
        do: "kill",
        container: refOf(container),
        signal: options.signal ?? "SIGKILL",
        reason: asked,
        after: [],
      });
  if (options.removeOrphans === true)
    planOrphans(planning, orphansOf(planning), { options: { removeOrphans: true }, after: [] });
  return finishPlan(planning);
}

export function planPause(
  desired: Desired,
  observed: Observed,
  options: ServiceChoice & { readonly do: "pause" | "unpause" },
): Plan {
  const planning = startPlanning(desired, observed);
  const from = options.do === "pause" ? "running" : "paused";
  for (const container of chosen(planning, options))
    if (container.status === from)
      planning.steps.add<PauseStep>({
        id: `container/${container.name}:${options.do}`,
        do: options.do,
        container: refOf(container),
        reason: asked,
        after: [],
      });
  return finishPlan(planning);
}

/** Removes stopped containers; with `stop`, running ones too. */
export function planRemove(desired: Desired, observed: Observed, options: RemoveOptions): Plan {
  const planning = startPlanning(desired, observed);
  const going = chosen(planning, options).filter(
    (container) => options.stop === true || !isRunning(container),
  );
  stopInOrder(planning, going, (container, after) => {
    const stop = addStop(planning, container, { reason: asked, after });
    const remove = addRemove(planning, container, {
      reason: because("asked to remove"),
      after: stop === undefined ? after : [stop],
      volumes: options.volumes === true,
    });
    return stop ?? remove;
  });
  return finishPlan(planning);
}

/** The containers of the chosen services; all of the stack's when none is named. */
function chosen(planning: Planning, { services = [] }: ServiceChoice): readonly ObservedContainer[] {
  checkKnown(planning, services);
  const { stack, byService } = planning;
  const names =
    services.length > 0 ? services : [...Object.keys(stack.services), ...Object.keys(stack.disabled)];
  return names.flatMap((name) => byService.get(name) ?? []);
}

function checkKnown({ problems, stack, byService }: Planning, services: readonly string[]): void {
  for (const name of services)
    if (!(name in stack.services) && !(name in stack.disabled) && !byService.has(name))
      problems.push({ kind: "unknown-service", message: `no such service: ${name}` });
}
