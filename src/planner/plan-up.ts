import { addFinalWaits, type Placed, readinessOf } from "./dependency-order.ts";
import type { Desired } from "./desired.ts";
import type { Slot } from "./fates.ts";
import type { Observed } from "./observed.ts";
import { orphansOf, planOrphans } from "./orphans.ts";
import {
  type Building,
  isStarting,
  letGo,
  placeService,
  stopForPorts,
  stopForRestart,
} from "./place-services.ts";
import type { Plan } from "./plan.ts";
import { planImages } from "./plan-images.ts";
import { type NetworkFate, networkFates } from "./plan-networks.ts";
import { fateOfService, replicasOf, type ServiceFate, withRestarts } from "./plan-services.ts";
import { type VolumeFate, volumeFates } from "./plan-volumes.ts";
import { finishPlan, type Planning, startPlanning } from "./planning.ts";
import { findPorts } from "./ports.ts";
import { recreatePolicies, type UpOptions } from "./requests.ts";
import { addNetworks, addVolumes } from "./resource-steps.ts";
import { dependenciesOf, inDependencyOrder, type Scope, scopeOf } from "./scope.ts";
import { unsupportedOf } from "./unsupported.ts";

/** Brings the chosen services to what is desired, and keeps them there (`isHold`). */
export function planUp(desired: Desired, observed: Observed, options: UpPlanOptions): Plan {
  const plan = planAll(desired, observed, options);
  if (options.isHold !== true || plan.problems.length === 0) return plan;
  return planWithoutBroken(desired, observed, { plan, options });
}

type UpPlanOptions = UpOptions & {
  readonly areImagesReady?: boolean;
  /** Services to leave alone. */
  readonly except?: ReadonlySet<string>;
};

/** While nobody asks, a service that cannot be held keeps nobody else from being held, but those that need it. */
function planWithoutBroken(
  desired: Desired,
  observed: Observed,
  { plan, options }: { readonly plan: Plan; readonly options: UpPlanOptions },
): Plan {
  const broken = new Set(options.except);
  for (const { service } of plan.problems) {
    if (service === undefined || broken.has(service)) return plan;
    broken.add(service);
  }
  for (const name of inDependencyOrder(desired.stack))
    if (dependenciesOf(desired.stack.services[name]).some((needed) => broken.has(needed))) broken.add(name);
  const rest = planUp(desired, observed, { ...options, except: broken });
  const notes = plan.problems.map(({ message, path }) => ({
    kind: "waiting" as const,
    message: `left as it is: ${message}`,
    ...(path !== undefined && { path }),
  }));
  return { ...rest, notes: [...notes, ...rest.notes] };
}

function planAll(desired: Desired, observed: Observed, options: UpPlanOptions): Plan {
  const planning = startPlanning(desired, observed);
  const { stack } = planning;
  const isHold = options.isHold === true;
  const candidates = isHold ? heldServices(planning) : Object.keys(stack.services);
  const whole = scopeOf(stack, { ...options, candidates, noDeps: isHold || options.noDeps === true });
  const scope = { ...whole, ordered: whole.ordered.filter((name) => options.except?.has(name) !== true) };
  noteUnknown(planning, [...scope.unknown, ...unknownIn(planning, options.scale)]);
  checkServices(planning, scope);
  // Not even drafted: that many would not fit into memory.
  if (refuseTooMany(planning, scope)) return finishPlan(planning);
  const networks = networkFates(planning, networkKeys(planning, scope));
  const volumes = volumeFates(planning, volumeKeys(planning, scope), options.recreateVolumes === true);
  const prepared = new Set(options.prepare);
  const living = { ...scope, ordered: scope.ordered.filter((name) => !prepared.has(name)) };
  const fates = decideServices(planning, living, { networks, volumes, options });
  const orphans = orphansOf(planning);
  for (const slot of newSlots(fates)) {
    planning.problems.push(...slot.draft.problems.map((one) => ({ ...one, service: slot.serviceName })));
    planning.hazards.push(...slot.draft.hazards);
  }
  for (const name of prepared) notePrepared(planning, name);
  const removesOrphans = options.removeOrphans === true && !isHold;
  const ports = findPorts(planning, fates, new Set(removesOrphans ? orphans.map(({ id }) => id) : []));
  planning.problems.push(...ports.problems);
  const imageUsers = isHold ? new Set(newSlots(fates).map((slot) => slot.serviceName)) : undefined;
  const { gate, ofService } = planImages(planning, {
    services: scope.ordered.filter(
      (name) => prepared.has(name) || (imageUsers?.has(name) ?? replicasOf(planning, name) > 0),
    ),
    options,
    areReady: options.areImagesReady === true,
    // A network that is made anew takes all its users away: none of them may be without its image then.
    isEachAlone: isHold && [...networks, ...volumes].every(({ kind }) => kind !== "replace"),
  });
  const cleared = planOrphans(planning, orphans, { options, after: gate });
  const build: Building = {
    planning,
    options,
    gate: [...gate, ...cleared.values()],
    images: imagesNeeded(fates, ofService),
    fates,
    stops: new Map(),
    removals: new Map(cleared),
    handovers: ports.handovers,
  };
  letGo(build, networks, volumes);
  const ready = [...addNetworks(planning, networks, build), ...addVolumes(planning, volumes, build)];
  stopForRestart(build);
  stopForPorts(build);
  const placed = new Map<string, Placed>();
  for (const name of fates.keys())
    placed.set(name, placeService(build, name, { placed, ready: new Map(ready) }));
  // The one-off container that comes of it waits like any other of the service.
  if (options.noStart !== true)
    for (const name of prepared)
      readinessOf(planning, name, { placed, isHold, timeoutMs: options.waitTimeoutMs });
  if (options.wait === true && options.noStart !== true)
    addFinalWaits(planning, placed, {
      tasks: tasksOf(planning),
      ...(options.waitTimeoutMs !== undefined && { timeoutMs: options.waitTimeoutMs }),
    });
  return finishPlan(planning);
}

/** Those that somebody asked for, but for what is done and has been cleared away. */
function heldServices({ desired, byService }: Planning): readonly string[] {
  const all = Object.entries(desired.services);
  return all.flatMap(([name, { hasFinished }]) => (hasFinished === true && !byService.has(name) ? [] : name));
}

/** Services that only `--scale` names. */
function unknownIn({ stack }: Planning, scale: UpOptions["scale"] = {}): readonly string[] {
  return Object.keys(scale).filter((name) => !Object.hasOwn(stack.services, name));
}

function noteUnknown({ problems, stack }: Planning, unknown: readonly string[]): void {
  for (const name of unknown)
    problems.push({
      kind: "unknown-service",
      message:
        name in stack.disabled ? `service "${name}" is in no active profile` : `no such service: ${name}`,
    });
}

function checkServices(planning: Planning, { ordered }: Scope): void {
  for (const name of ordered) {
    const service = planning.stack.services[name];
    if (service?.container_name !== undefined && replicasOf(planning, name) > 1)
      planning.problems.push({
        kind: "invalid",
        service: name,
        path: `services.${name}.container_name`,
        message: `service "${name}" has ${replicasOf(planning, name)} replicas, which cannot all be called "${service.container_name}"`,
      });
  }
}

/** What one machine can hold of a service; beyond it a slip of the finger is likelier than a wish. */
const MAX_REPLICAS = 1000;

function refuseTooMany(planning: Planning, { ordered }: Scope): boolean {
  const { stack, desired, problems } = planning;
  const tooMany = ordered.filter((name) => replicasOf(planning, name) > MAX_REPLICAS);
  for (const name of tooMany) {
    const isAsked = desired.services[name]?.replicas !== undefined;
    const key = stack.services[name]?.scale === undefined ? "deploy.replicas" : "scale";
    problems.push({
      kind: "invalid",
      service: name,
      ...(isAsked ? {} : { path: `services.${name}.${key}` }),
      message: `service "${name}" has ${replicasOf(planning, name)} replicas, more than the ${MAX_REPLICAS} that one machine takes of a service`,
    });
  }
  return tooMany.length > 0;
}

/** A one-off container comes of it later, in which the same has no effect or cannot be had. */
function notePrepared({ stack, problems, hazards }: Planning, name: string): void {
  const service = stack.services[name];
  if (service === undefined) return;
  const found = unsupportedOf(stack, name, service);
  problems.push(...found.problems.map((problem) => ({ ...problem, service: name })));
  hazards.push(...found.hazards);
}

function networkKeys({ stack }: Planning, { ordered }: Scope): readonly string[] {
  if (ordered.length === Object.keys(stack.services).length) return Object.keys(stack.networks);
  return [...new Set(ordered.flatMap((name) => Object.keys(stack.services[name]?.networks ?? {})))];
}

function volumeKeys({ stack }: Planning, { ordered }: Scope): readonly string[] {
  if (ordered.length === Object.keys(stack.services).length) return Object.keys(stack.volumes);
  const used = ordered.flatMap((name) =>
    (stack.services[name]?.volumes ?? []).flatMap(({ type, source }) =>
      type === "volume" ? (source ?? []) : [],
    ),
  );
  return [...new Set(used)];
}

function decideServices(
  planning: Planning,
  scope: Scope,
  context: {
    readonly networks: readonly NetworkFate[];
    readonly volumes: readonly VolumeFate[];
    readonly options: UpOptions;
  },
): ReadonlyMap<string, ServiceFate> {
  const { networks, volumes, options } = context;
  const renewed = new Map<string, string>();
  for (const { kind, name } of networks)
    if (kind === "replace") renewed.set(`network/${name}`, `network ${name} is made anew`);
  for (const { kind, name } of volumes)
    if (kind === "replace") renewed.set(`volume/${name}`, `volume ${name} is made anew`);
  const policies = recreatePolicies(options);
  const tasks = tasksOf(planning);
  const isNamed = (options.services ?? []).length > 0;
  const fates = new Map<string, ServiceFate>();
  for (const name of scope.ordered) {
    const fate = fateOfService(planning, name, {
      isHold: options.isHold === true,
      isNoStart: options.noStart === true,
      runsFinished:
        options.runsFinished === true && scope.explicit.has(name) && (isNamed || !tasks.has(name)),
      recreate: keepsDiverged(planning, name, options)
        ? "never"
        : policies[scope.explicit.has(name) ? "chosen" : "dependencies"],
      renewed,
      tasks,
      earlier: fates,
    });
    fates.set(name, withRestarts(fates, fate, options.noStart === true));
  }
  return fates;
}

/** Nobody asks now, and whoever asked last wanted them kept. */
function keepsDiverged({ desired }: Planning, name: string, { isHold }: UpOptions): boolean {
  return isHold === true && desired.services[name]?.keepsDiverged === true;
}

/** Services whose success somebody waits for. */
function tasksOf({ stack }: Planning): ReadonlySet<string> {
  const found = new Set<string>();
  for (const service of Object.values(stack.services))
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {}))
      if (condition === "service_completed_successfully") found.add(name);
  return found;
}

/**
 * By service: what brings its image, and those of services that are started before it: it would be stopped, or made,
 * for nothing.
 */
function imagesNeeded(
  fates: ReadonlyMap<string, ServiceFate>,
  own: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, readonly string[]> {
  const all = new Map<string, readonly string[]>();
  for (const [name, { service }] of fates) {
    const before = dependenciesOf(service).filter(
      (other) =>
        service.depends_on?.[other]?.required !== false && fates.get(other)?.slots.some(isStarting) === true,
    );
    const needed = [own.get(name) ?? [], ...before.map((other) => all.get(other) ?? [])];
    all.set(name, [...new Set(needed.flat())]);
  }
  return all;
}

function newSlots(fates: ReadonlyMap<string, ServiceFate>): readonly Slot[] {
  return [...fates.values()].flatMap(({ slots }) =>
    slots.filter(({ fate }) => fate.kind === "create" || fate.kind === "replace"),
  );
}
