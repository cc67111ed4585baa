import type { PortBinding } from "../runtime/index.ts";
import { bindingOf } from "./container-networks.ts";
import type { Slot } from "./fates.ts";
import type { ObservedContainer } from "./observed.ts";
import type { PlanProblem } from "./plan.ts";
import type { ServiceFate } from "./plan-services.ts";
import { isRunning, type Planning } from "./planning.ts";

interface Wish {
  readonly slot: Slot;
  readonly index: number;
  readonly binding: PortBinding & { readonly hostPort: number };
}

export interface PortFindings {
  /** Ports that containers to be started ask for and cannot have, said before the first change. */
  readonly problems: readonly PlanProblem[];
  /** By the name of a container to be started: ids of others that hold its ports now and give them up in this plan. */
  readonly handovers: ReadonlyMap<string, ReadonlySet<string>>;
}

interface Holder {
  readonly container: ObservedContainer;
  /** Undefined: the plan does nothing with it. */
  readonly slot: Slot | undefined;
}

/** `going`: orphans that the plan removes. */
export function findPorts(
  planning: Planning,
  fates: ReadonlyMap<string, ServiceFate>,
  going: ReadonlySet<string>,
): PortFindings {
  const slots = [...fates.values()].flatMap((fate) => fate.slots);
  const wishes = slots.flatMap(wishesOf);
  const holders = holdersOf(planning, slots, going);
  const problems: PlanProblem[] = [];
  const handovers = new Map<string, Set<string>>();
  const byPort = new Map<string, Wish[]>();
  for (const wish of wishes) {
    const { slot, binding } = wish;
    const key = `${binding.protocol}/${binding.hostPort}`;
    const rivals = byPort.get(key) ?? [];
    const rival = rivals.find((other) => overlap(other.binding.hostIp, binding.hostIp));
    byPort.set(key, [...rivals, wish]);
    if (rival !== undefined && (isStarting(slot) || isStarting(rival.slot)))
      problems.push(takenPort(wish, rivalText(rival, slot)));
    if (!isStarting(slot)) continue;
    const taken = planning.observed.takenPorts.find((port) => isSame(port, binding));
    if (taken !== undefined) problems.push(takenPort(wish, `taken by ${taken.by}`));
    for (const holder of holders.get(key) ?? []) {
      if (holder.container.id === slot.container?.id || !holds(holder.container, binding)) continue;
      if (givesUp(holder)) {
        const ids = handovers.get(slot.name) ?? new Set();
        handovers.set(slot.name, ids.add(holder.container.id));
      } else if (holder.slot === undefined || !declares(holder.slot, binding))
        problems.push(takenPort(wish, `taken by container "${holder.container.name}"`));
    }
  }
  return { problems, handovers };
}

/** The ports it is to have. What has ended and is not started asks for none. */
function wishesOf(slot: Slot): readonly Wish[] {
  const { fate, container } = slot;
  if (fate.kind === "remove" || fate.kind === "stop") return [];
  const stays = fate.kind === "keep" || fate.kind === "leave";
  if (stays && container !== undefined && !isRunning(container)) return [];
  return (slot.service.ports ?? []).flatMap((port, index) => {
    const binding = bindingOf(port);
    const { hostPort } = binding;
    return typeof hostPort === "number" ? [{ slot, index, binding: { ...binding, hostPort } }] : [];
  });
}

/** By `protocol/port`: the stack's containers that hold it. */
function holdersOf(
  { observed }: Planning,
  slots: readonly Slot[],
  going: ReadonlySet<string>,
): ReadonlyMap<string, readonly Holder[]> {
  const byId = new Map(
    slots.flatMap((slot) => (slot.container === undefined ? [] : [[slot.container.id, slot] as const])),
  );
  const found = new Map<string, Holder[]>();
  for (const container of observed.containers) {
    if (going.has(container.id)) continue;
    for (const key of new Set(container.ports?.map((port) => `${port.protocol}/${port.hostPort}`))) {
      const list = found.get(key) ?? [];
      list.push({ container, slot: byId.get(container.id) });
      found.set(key, list);
    }
  }
  return found;
}

function holds({ ports = [] }: ObservedContainer, binding: Wish["binding"]): boolean {
  return ports.some((port) => isSame(port, binding));
}

function givesUp({ slot }: Holder): boolean {
  const kind = slot?.fate.kind;
  return kind === "replace" || kind === "remove" || kind === "stop";
}

/** The same port stands in its declaration: the two were found to be rivals. */
function declares(slot: Slot, binding: Wish["binding"]): boolean {
  return wishesOf(slot).some((wish) => isSame(wish.binding, binding));
}

function isStarting({ fate }: Slot): boolean {
  return fate.kind === "create" || fate.kind === "replace" || fate.kind === "start";
}

function rivalText(rival: Wish, slot: Slot): string {
  return rival.slot.serviceName === slot.serviceName
    ? `wanted by ${rival.slot.name} too`
    : `wanted by services.${rival.slot.serviceName}.ports[${rival.index}] too`;
}

function takenPort({ slot, index, binding }: Wish, how: string): PlanProblem {
  const path = `services.${slot.serviceName}.ports[${index}]`;
  const message = `port ${binding.hostPort} is ${how}, choose another`;
  return { kind: "taken-port", service: slot.serviceName, path, message };
}

type Held = Pick<PortBinding, "hostIp" | "protocol"> & { readonly hostPort: number };

function isSame(a: Held, b: Held): boolean {
  return a.hostPort === b.hostPort && a.protocol === b.protocol && overlap(a.hostIp, b.hostIp);
}

function overlap(a: string | undefined, b: string | undefined): boolean {
  return a === b || isEvery(a) || isEvery(b);
}

function isEvery(address: string | undefined): boolean {
  return address === undefined || address === "" || address === "0.0.0.0" || address === "::";
}
