import { addConnects, addCreate, addRemove, addRename, addStart, addStop } from "./container-steps.ts";
import { type Placed, readinessOf } from "./dependency-order.ts";
import type { Slot } from "./fates.ts";
import type { ContainerRef, PauseStep, WaitStep } from "./plan.ts";
import type { NetworkFate } from "./plan-networks.ts";
import type { ServiceFate } from "./plan-services.ts";
import type { VolumeFate } from "./plan-volumes.ts";
import { because, isRunning, type Planning, refOf } from "./planning.ts";
import type { PortFindings } from "./ports.ts";
import type { UpOptions } from "./requests.ts";

/** What the parts of an `up` share while its steps are listed. */
export interface Building {
  readonly planning: Planning;
  readonly options: UpOptions;
  /** Before any change. */
  readonly gate: readonly string[];
  /** By service: before its containers are made, replaced or restarted. */
  readonly images: ReadonlyMap<string, readonly string[]>;
  readonly fates: ReadonlyMap<string, ServiceFate>;
  /** By container id: the step that stops it. */
  readonly stops: Map<string, string>;
  /** By container id: the step that removes it. */
  readonly removals: Map<string, string>;
  /** By the name of a container to be started: ids of those that must have let go of its ports. */
  readonly handovers: PortFindings["handovers"];
}

/** Containers that use a network or volume which is made anew are stopped and removed before it is. */
export function letGo(
  build: Building,
  networks: readonly NetworkFate[],
  volumes: readonly VolumeFate[],
): void {
  if ([...networks, ...volumes].every(({ kind }) => kind !== "replace")) return;
  const services = [...build.fates.values()].reverse();
  for (const { slots } of services)
    for (const { fate, container } of slots) {
      const goes = fate.kind === "remove" || (fate.kind === "replace" && fate.order === "remove-first");
      if (!goes || container === undefined) continue;
      const { planning, gate, options } = build;
      const stop = addStop(planning, container, { reason: fate.reason, after: gate, ...timeoutOf(options) });
      const remove = addRemove(planning, container, {
        reason: fate.reason,
        after: stop === undefined ? gate : [stop],
      });
      build.removals.set(container.id, remove);
    }
}

export function timeoutOf(options: UpOptions): { readonly timeoutSeconds?: number } {
  return options.timeoutSeconds === undefined ? {} : { timeoutSeconds: options.timeoutSeconds };
}

/** Dependents that restart with what they depend on are stopped before it is. */
export function stopForRestart(build: Building): void {
  const { planning, gate, images, options, fates } = build;
  for (const { name, slots, service } of [...fates.values()].reverse()) {
    const follows = Object.entries(service.depends_on ?? {}).some(
      ([name, { restart }]) =>
        restart === true && fates.get(name)?.slots.some(({ fate }) => fate.kind === "replace"),
    );
    for (const { fate, container } of slots) {
      if (container === undefined || build.removals.has(container.id)) continue;
      if (fate.kind !== "restart" && !(follows && fate.kind === "replace")) continue;
      const reason = fate.kind === "replace" ? because("replaced") : fate.reason;
      const after = [...gate, ...(images.get(name) ?? [])];
      const stop = addStop(planning, container, { reason, after, ...timeoutOf(options) });
      if (stop !== undefined) build.stops.set(container.id, stop);
    }
  }
}

/** A container that holds a port which another one gets is stopped before anything starts, not when its turn comes. */
export function stopForPorts(build: Building): void {
  const { planning, gate, images, options, fates, handovers, stops, removals } = build;
  const holders = new Set([...handovers.values()].flatMap((ids) => [...ids]));
  if (holders.size === 0) return;
  for (const { slots } of [...fates.values()].reverse())
    for (const { serviceName, fate, container } of slots) {
      if (container === undefined || !holders.has(container.id)) continue;
      if (stops.has(container.id) || removals.has(container.id)) continue;
      const reason = because("hands its port over");
      const after = fate.kind === "replace" ? [...gate, ...(images.get(serviceName) ?? [])] : gate;
      const stop = addStop(planning, container, { reason, after, ...timeoutOf(options) });
      if (stop !== undefined) stops.set(container.id, stop);
    }
}

/** What must have stopped before a container can have its ports. */
function portsFreed({ handovers, stops, removals }: Building, name: string): readonly string[] {
  return [...(handovers.get(name) ?? [])].flatMap((id) => removals.get(id) ?? stops.get(id) ?? []);
}

interface Placing {
  readonly placed: ReadonlyMap<string, Placed>;
  /** `network/x` and `volume/x` -> the step that makes it. */
  readonly ready: ReadonlyMap<string, string>;
}

type Started = Placed["started"] extends ReadonlyMap<string, infer T> ? T : never;

/** A service's steps, in the list. */
export function placeService(build: Building, name: string, placing: Placing): Placed {
  const { planning, fates, options } = build;
  const fate = fates.get(name) as ServiceFate;
  const started = new Map<string, Started>();
  const mustStart = options.noStart !== true && fate.slots.some(isStarting);
  const isHold = options.isHold === true;
  const readiness = mustStart
    ? readinessOf(planning, name, { placed: placing.placed, isHold, timeoutMs: options.waitTimeoutMs })
    : ({ isBlocked: false, after: [] } as const);
  if (readiness.isBlocked)
    planning.notes.push({
      kind: "waiting",
      path: `services.${name}`,
      message: `${name} is not started: ${readiness.why}`,
    });
  let existsId: string | undefined;
  const replaced: Started[] = [];
  for (const slot of fate.slots) {
    const isReplaced = slot.fate.kind === "replace";
    const turn = isReplaced ? turnOf(build, fate, replaced) : undefined;
    const result = placeSlot(build, slot, { ...placing, readiness, turn });
    if (result === undefined) continue;
    existsId ??= result.existsId;
    const known = { ref: result.ref, stepId: result.startedId, slot };
    started.set(slot.name, known);
    if (isReplaced) replaced.push(known);
  }
  return { fate, started, existsId };
}

/** `update_config.parallelism`: the step before which the next container stays, so that no more are away at once. */
function turnOf(
  { planning, options }: Building,
  { service }: ServiceFate,
  replaced: readonly Started[],
): string | undefined {
  const atOnce = service.deploy?.update_config?.parallelism ?? 0;
  const earlier = atOnce > 0 ? replaced.at(-atOnce) : undefined;
  if (earlier?.stepId === undefined || !hasHealthcheck(planning, earlier.slot)) return earlier?.stepId;
  return planning.steps.add<WaitStep>({
    id: `container/${earlier.ref.name}:wait-running`,
    do: "wait-running",
    container: earlier.ref,
    ...(options.waitTimeoutMs !== undefined && { timeoutMs: options.waitTimeoutMs }),
    reason: because(`${atOnce} replaced at a time`),
    after: [earlier.stepId],
  });
}

function hasHealthcheck({ observed }: Planning, { draft: { spec } }: Slot): boolean {
  const test = spec.healthcheck?.test ?? observed.images[spec.image]?.healthcheck?.test ?? [];
  return test.length > 0 && test[0] !== "NONE";
}

export function isStarting({ fate }: Slot): boolean {
  return ["start", "restart", "create", "replace"].includes(fate.kind);
}

interface PlacedSlot {
  readonly ref: ContainerRef;
  readonly existsId: string | undefined;
  readonly startedId: string | undefined;
}

interface SlotPlacing extends Placing {
  readonly readiness: ReturnType<typeof readinessOf>;
  /** What must be done before the container in its place is taken away. */
  readonly turn: string | undefined;
}

function placeSlot(build: Building, slot: Slot, placing: SlotPlacing): PlacedSlot | undefined {
  const { fate, container } = slot;
  if (fate.kind === "create") return placeNew(build, slot, placing);
  if (container === undefined) return undefined;
  if (fate.kind === "replace") return placeReplaced(build, slot, placing);
  const { planning, gate, options } = build;
  if (fate.kind === "remove") {
    if (build.removals.has(container.id)) return undefined;
    const stop =
      build.stops.get(container.id) ??
      addStop(planning, container, { reason: fate.reason, after: gate, ...timeoutOf(options) });
    addRemove(planning, container, { reason: fate.reason, after: stop === undefined ? gate : [stop] });
    return undefined;
  }
  return placeKept(build, slot, placing);
}

function placeNew(build: Building, slot: Slot, placing: SlotPlacing): PlacedSlot {
  const { reason } = slot.fate as Extract<Slot["fate"], { kind: "create" }>;
  const { ref, id } = addCreate(build.planning, slot, {
    reason,
    after: neededToCreate(build, slot, placing),
  });
  return {
    ref,
    existsId: id,
    startedId: startAfter(build, { ref, name: slot.name, id, placing, cause: "created" }),
  };
}

function placeReplaced(build: Building, slot: Slot, placing: SlotPlacing): PlacedSlot {
  const { planning, options, removals, stops } = build;
  const { reason } = slot.fate as Extract<Slot["fate"], { kind: "replace" }>;
  const old = slot.container as NonNullable<Slot["container"]>;
  const after = neededToCreate(build, slot, placing);
  const inherits = options.renewAnonymousVolumes !== true;
  const gone = removals.get(old.id);
  const isNameFree = gone !== undefined || old.name !== slot.name;
  if (gone !== undefined || (slot.fate.kind === "replace" && slot.fate.order === "remove-first")) {
    const removed = gone ?? stopAndRemove(build, slot, [...after, placing.turn]);
    const made = addCreate(planning, slot, { reason, after: [...after, removed], replaces: old, inherits });
    return {
      ref: made.ref,
      existsId: made.id,
      startedId: startAfter(build, {
        ref: made.ref,
        name: slot.name,
        id: made.id,
        placing,
        cause: "recreated",
      }),
    };
  }
  const isTemporary = !isNameFree;
  const made = addCreate(planning, slot, { reason, after, replaces: old, isTemporary, inherits });
  const readiness = placing.readiness.isBlocked ? [] : placing.readiness.after;
  const replaced = because("replaced");
  const stop =
    stops.get(old.id) ??
    addStop(planning, old, {
      reason: replaced,
      after: [made.id, ...readiness, placing.turn],
      ...timeoutOf(options),
    });
  if (isRunning(old))
    planning.hazards.push({
      kind: "interruption",
      stepId: `container/${old.name}:stop`,
      message: `${slot.serviceName} is away while container "${old.name}" is replaced`,
    });
  const removed = addRemove(planning, old, {
    reason: replaced,
    after: stop === undefined ? [made.id] : [made.id, stop],
    volumes: options.renewAnonymousVolumes === true,
  });
  const { ref, id } = isTemporary
    ? addRename(planning, made.ref, slot.name, { reason: because("its place is free"), after: [removed] })
    : { ref: made.ref, id: removed };
  return {
    ref,
    existsId: id,
    startedId: startAfter(build, { ref, name: slot.name, id, placing, cause: "recreated" }),
  };
}

function stopAndRemove(
  { planning, options, stops }: Building,
  slot: Slot,
  after: readonly (string | undefined)[],
): string {
  const { reason } = slot.fate as Extract<Slot["fate"], { kind: "replace" }>;
  const old = slot.container as NonNullable<Slot["container"]>;
  const stop = stops.get(old.id) ?? addStop(planning, old, { reason, after, ...timeoutOf(options) });
  return addRemove(planning, old, { reason, after: stop === undefined ? after : [...after, stop] });
}

function startAfter(
  build: Building,
  made: {
    readonly ref: ContainerRef;
    readonly name: string;
    readonly id: string;
    readonly placing: SlotPlacing;
    readonly cause: "created" | "recreated";
  },
): string | undefined {
  const { planning, options } = build;
  const { readiness } = made.placing;
  const wanted = planning.desired.services[made.ref.service]?.state ?? "running";
  if (options.noStart === true || readiness.isBlocked || wanted === "stopped") return undefined;
  return addStart(planning, made.ref, {
    reason: because(made.cause),
    after: [made.id, ...readiness.after, ...portsFreed(build, made.name)],
    isReplaced: made.cause === "recreated",
  });
}

/** What must be there before a container can be made. */
function neededToCreate(build: Building, slot: Slot, placing: Placing): readonly string[] {
  const { spec, joins } = slot.draft;
  const networks = Object.keys(spec.networks ?? {}).map((name) => placing.ready.get(`network/${name}`));
  const volumes = (spec.mounts ?? []).map((mount) =>
    mount.type === "volume" ? placing.ready.get(`volume/${mount.source}`) : undefined,
  );
  const owners = Object.keys(joins?.containerNames ?? {}).map((name) => placing.placed.get(name)?.existsId);
  const images = build.images.get(slot.serviceName) ?? [];
  const found = [...images, ...networks, ...volumes, ...owners].filter((id) => id !== undefined);
  // What makes a network or volume waits for the gate itself.
  return networks.some((id) => id !== undefined) ? found : [...build.gate, ...found];
}

function placeKept(build: Building, slot: Slot, placing: SlotPlacing): PlacedSlot {
  const { planning, gate, stops, options } = build;
  const { fate, name } = slot;
  const container = slot.container as NonNullable<Slot["container"]>;
  const renamed =
    container.name === name || isNameTaken(planning, name)
      ? undefined
      : addRename(planning, refOf(container), name, {
          reason: because(`called ${container.name}`),
          after: gate,
        });
  const ref = renamed?.ref ?? refOf(container);
  const connected = addConnects(planning, slot, ref, renamed === undefined ? gate : [renamed.id]);
  const before = [...connected, renamed?.id].filter((id) => id !== undefined);
  const existsId = renamed?.id;
  if (fate.kind === "start" || fate.kind === "restart") {
    if (placing.readiness.isBlocked || options.noStart === true)
      return { ref, existsId, startedId: undefined };
    const stop = stops.get(container.id);
    const after = [
      ...(stop === undefined ? gate : [stop]),
      ...before,
      ...placing.readiness.after,
      ...portsFreed(build, name),
    ];
    return { ref, existsId, startedId: addStart(planning, ref, { reason: fate.reason, after }) };
  }
  if (fate.kind === "stop") {
    if (!stops.has(container.id))
      addStop(planning, container, {
        reason: fate.reason,
        after: [...gate, ...before],
        ...timeoutOf(options),
      });
  } else if (fate.kind === "pause" || fate.kind === "unpause") {
    const startedId = planning.steps.add<PauseStep>({
      id: `container/${ref.name}:${fate.kind}`,
      do: fate.kind,
      container: ref,
      reason: fate.reason,
      after: [...gate, ...before],
    });
    return { ref, existsId, startedId };
  } else keep(planning, slot);
  return { ref, existsId, startedId: connected.at(-1) ?? renamed?.id };
}

function isNameTaken({ observed }: Planning, name: string): boolean {
  return observed.containers.some((container) => container.name === name);
}

function keep(planning: Planning, slot: Slot): void {
  const container = slot.container as NonNullable<Slot["container"]>;
  const { status, exitCode } = container;
  const state = status === "dead" || status === "removing" ? "exited" : status;
  planning.kept.push({ name: container.name, service: slot.serviceName, state, exitCode });
}
