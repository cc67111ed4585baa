import type { Service } from "../spec/index.ts";
import { containerSpecOf, joinedServices } from "./container-spec.ts";
import { divergence, networkDrift } from "./drift.ts";
import { type Fate, runFate, type Slot } from "./fates.ts";
import { containerName, finalName, imageOf } from "./names.ts";
import type { ObservedContainer } from "./observed.ts";
import type { Reason } from "./plan.ts";
import { because, isLeftover, isRunning, numberOf, type Planning } from "./planning.ts";
import type { RecreatePolicy } from "./requests.ts";

/** One service's containers and what becomes of them. */
export interface ServiceFate {
  readonly name: string;
  readonly service: Service;
  readonly slots: readonly Slot[];
}

export interface FateOptions {
  readonly isHold: boolean;
  readonly isNoStart: boolean;
  readonly runsFinished: boolean;
  readonly recreate: RecreatePolicy;
  /** Networks and volumes (by name) that are made anew: who uses one is replaced, removed first. */
  readonly renewed: ReadonlyMap<string, string>;
  readonly tasks: ReadonlySet<string>;
  /** Of the services before this one. */
  readonly earlier: ReadonlyMap<string, ServiceFate>;
}

export function fateOfService(planning: Planning, name: string, options: FateOptions): ServiceFate {
  const service = planning.stack.services[name] as Service;
  const wanted = planning.desired.services[name]?.state ?? "running";
  const replicas = replicasOf(planning, name);
  const context: Context = {
    planning,
    name,
    service,
    wanted,
    options,
    joined: joinedIds(planning, name, options),
  };
  const { owners, leftovers } = sortOut(planning, name);
  const candidates = owners.map((container) => candidateOf(context, container));
  const { kept, surplus } = choose(candidates, replicas);
  const slots: Slot[] = kept.map((candidate) => slotOf(context, candidate));
  if (wanted === "running" || !options.isHold)
    slots.push(...missingSlots(context, replicas - kept.length, owners));
  for (const { slot } of surplus)
    slots.push({ ...slot, fate: removal(`scale ${owners.length} -> ${replicas}`) });
  for (const container of leftovers)
    slots.push({
      ...blankSlot(context, numberOf(container)),
      container,
      fate: removal("left by an unfinished replacement"),
    });
  return { name, service, slots };
}

interface Context {
  readonly planning: Planning;
  readonly name: string;
  readonly service: Service;
  readonly wanted: "running" | "stopped" | "paused";
  readonly options: FateOptions;
  readonly joined: JoinedIds;
}

interface JoinedIds {
  readonly ids: Readonly<Record<string, string>>;
  /** Services whose container is made anew, so that its id is not known yet. */
  readonly open: readonly string[];
}

export function replicasOf(planning: Planning, name: string): number {
  const service = planning.stack.services[name];
  return planning.desired.services[name]?.replicas ?? service?.scale ?? service?.deploy?.replicas ?? 1;
}

function joinedIds(planning: Planning, name: string, { earlier }: FateOptions): JoinedIds {
  const ids: Record<string, string> = {};
  const open: string[] = [];
  const service = planning.stack.services[name];
  for (const other of service === undefined ? [] : joinedServices(service)) {
    const slot = earlier.get(other)?.slots.find(({ fate }) => fate.kind !== "remove");
    const container = slot === undefined ? planning.byService.get(other)?.[0] : slot.container;
    if (container === undefined || slot?.fate.kind === "replace") {
      open.push(other);
      if (slot === undefined)
        planning.problems.push({
          kind: "missing-dependency",
          service: name,
          path: `services.${name}`,
          message: `${name} is missing dependency ${other}`,
        });
    } else ids[other] = container.id;
  }
  return { ids, open };
}

/**
 * Whose containers are there: one that waits under a temporary name for a place that is free by now owns it; one
 * whose place is held is left over.
 */
function sortOut(planning: Planning, name: string) {
  const all = planning.byService.get(name) ?? [];
  const names = new Set(all.filter((container) => !isLeftover(container)).map((container) => container.name));
  const isSpare = (container: ObservedContainer) => {
    const final = finalName(container.name);
    return final !== undefined && names.has(final);
  };
  return { owners: all.filter((one) => !isSpare(one)), leftovers: all.filter(isSpare) };
}

interface Candidate {
  readonly container: ObservedContainer;
  readonly slot: Omit<Slot, "fate">;
  /** Why it cannot stay; undefined: it can. */
  readonly reason: Reason | undefined;
  readonly order: "create-first" | "remove-first";
}

function candidateOf(context: Context, container: ObservedContainer): Candidate {
  const { planning, service, options, joined } = context;
  const blank = blankSlot(context, numberOf(container));
  const { missing, renewed } = networkDrift(planning, container, service);
  const slot = { ...blank, container, connect: missing };
  const base = { container, slot, order: "create-first" as const };
  const anew = renewedUse(container, options.renewed);
  if (anew !== undefined) return { ...base, reason: because(anew), order: "remove-first" };
  if (container.status === "dead" || container.status === "removing")
    return { ...base, reason: because(container.status), order: "remove-first" };
  if (options.recreate === "never") return { ...base, reason: undefined };
  if (options.recreate === "force") return { ...base, reason: because("asked to recreate") };
  const [open] = joined.open;
  if (open !== undefined)
    return { ...base, reason: because(`shares the container of ${open}, which is made anew`) };
  const reason = divergence(container, {
    draft: blank.draft,
    service,
    imageId: planning.observed.images[imageOf(planning.stack, context.name, service)]?.id,
    joinedIds: joined.ids,
    isHold: options.isHold,
  });
  if (reason !== undefined) return { ...base, reason };
  const [gone] = renewed;
  if (gone !== undefined)
    return {
      ...base,
      reason: because(`network ${gone} is not the one it was attached to`),
      order: "remove-first",
    };
  return { ...base, reason: volumeDrift(slot, container) };
}

function renewedUse(container: ObservedContainer, renewed: ReadonlyMap<string, string>): string | undefined {
  for (const name of Object.keys(container.networks)) {
    const cause = renewed.get(`network/${name}`);
    if (cause !== undefined) return cause;
  }
  for (const { name } of container.mounts) {
    const cause = name === undefined ? undefined : renewed.get(`volume/${name}`);
    if (cause !== undefined) return cause;
  }
  return undefined;
}

/** A named volume of the declaration that is not mounted. */
function volumeDrift(slot: Omit<Slot, "fate">, container: ObservedContainer): Reason | undefined {
  const mounted = new Set(container.mounts.map(({ name }) => name));
  const missing = (slot.draft.spec.mounts ?? []).find(
    (mount) => mount.type === "volume" && mount.source !== undefined && !mounted.has(mount.source),
  );
  return missing === undefined ? undefined : because(`volume at ${missing.target} is not mounted`);
}

/** Up-to-date ones and low numbers stay. */
function choose(candidates: readonly Candidate[], replicas: number) {
  const ranked = [...candidates].sort(
    (a, b) =>
      Number(a.reason !== undefined) - Number(b.reason !== undefined) || a.slot.number - b.slot.number,
  );
  const kept = ranked.slice(0, replicas).sort((a, b) => a.slot.number - b.slot.number);
  return { kept, surplus: ranked.slice(replicas) };
}

function slotOf(context: Context, candidate: Candidate): Slot {
  const { container, slot, reason, order } = candidate;
  const { service, wanted, options } = context;
  if (reason !== undefined && (wanted === "running" || !options.isHold))
    return { ...slot, fate: { kind: "replace", reason, order } };
  const isTask = options.tasks.has(context.name);
  const { isHold, isNoStart, runsFinished } = options;
  const state = { wanted, service, isHold, isNoStart, isTask, runsFinished };
  return { ...slot, fate: runFate(container, state) };
}

function missingSlots(
  context: Context,
  count: number,
  owners: readonly ObservedContainer[],
): readonly Slot[] {
  const highest = Math.max(0, ...owners.map(numberOf));
  return Array.from({ length: Math.max(0, count) }, (_, index) => ({
    ...blankSlot(context, highest + index + 1),
    fate: { kind: "create", reason: because("missing") } as const,
  }));
}

function blankSlot({ planning, name, service, options }: Context, number: number): Omit<Slot, "fate"> {
  const namesOf = (other: string) => namesOfService(planning, other, options.earlier);
  const draft = containerSpecOf({ stack: planning.stack, serviceName: name, service, number, namesOf });
  return { serviceName: name, service, number, name: draft.name, draft, connect: [] };
}

function namesOfService(
  planning: Planning,
  name: string,
  earlier: ReadonlyMap<string, ServiceFate>,
): readonly string[] {
  const slots = earlier.get(name)?.slots.filter(({ fate }) => fate.kind !== "remove");
  if (slots !== undefined) return slots.map((slot) => slot.name);
  const there = (planning.byService.get(name) ?? []).map((container) => container.name);
  const service = planning.stack.services[name];
  if (there.length > 0 || service === undefined) return there;
  return [containerName(planning.stack, name, service, 1)];
}

function removal(cause: string): Fate {
  return { kind: "remove", reason: because(cause) };
}

/**
 * Kept and running containers are restarted when what they depend on is replaced and they asked for that, and
 * when the container whose network they share starts anew: theirs is gone.
 */
export function withRestarts(
  fates: ReadonlyMap<string, ServiceFate>,
  fate: ServiceFate,
  isNoStart: boolean,
): ServiceFate {
  const cause = isNoStart ? undefined : restartCause(fates, fate);
  if (cause === undefined) return fate;
  const slots = fate.slots.map((slot) =>
    slot.fate.kind === "keep" && slot.container !== undefined && isRunning(slot.container)
      ? { ...slot, fate: { kind: "restart", reason: because(cause) } as const }
      : slot,
  );
  return { ...fate, slots };
}

function restartCause(fates: ReadonlyMap<string, ServiceFate>, { service }: ServiceFate): string | undefined {
  const has = (name: string, ...kinds: readonly Fate["kind"][]) =>
    fates.get(name)?.slots.some(({ fate }) => kinds.includes(fate.kind)) === true;
  for (const [name, { restart }] of Object.entries(service.depends_on ?? {}))
    if (restart === true && has(name, "replace", "restart"))
      return `${name} is replaced, and it restarts with it`;
  const owner =
    service.network_mode?.startsWith("service:") === true ? service.network_mode.slice(8) : undefined;
  if (owner !== undefined && has(owner, "start", "restart"))
    return `shares the network of ${owner}, which is started`;
  return undefined;
}

/** A service's containers as they are, with nothing to become of them. */
export function blankFate(planning: Planning, name: string): ServiceFate {
  const service = planning.stack.services[name] as Service;
  const stack = planning.stack;
  const slots = (planning.byService.get(name) ?? []).map((container): Slot => {
    const number = numberOf(container);
    const namesOf = (other: string) => namesOfService(planning, other, new Map());
    const draft = containerSpecOf({ stack, serviceName: name, service, number, namesOf });
    return {
      serviceName: name,
      service,
      number,
      name: container.name,
      draft,
      container,
      connect: [],
      fate: { kind: "keep" },
    };
  });
  return { name, service, slots };
}
