import { addStart, addStop } from "./container-steps.ts";
import type { ObservedContainer } from "./observed.ts";
import { type Building, timeoutOf } from "./place-services.ts";
import type {
  ConnectStep,
  CreateNetworkStep,
  CreateVolumeStep,
  DisconnectStep,
  RemoveNetworkStep,
  RemoveVolumeStep,
} from "./plan.ts";
import type { NetworkFate } from "./plan-networks.ts";
import type { VolumeFate } from "./plan-volumes.ts";
import { because, type Planning, refOf } from "./planning.ts";

type Made = readonly (readonly [string, string])[];

/**
 * `network/<name>` with the step that makes it. Those with addresses of their own come first: an engine could give
 * these to another one.
 */
export function addNetworks(planning: Planning, fates: readonly NetworkFate[], build: Building): Made {
  const made = fates.filter(({ kind }) => kind !== "keep");
  const guests: Guests = new Map();
  const fixed = addEach(planning, made.filter(hasSubnet), { build, guests, later: [] });
  const later = fixed.map(([, id]) => id);
  const others = addEach(
    planning,
    made.filter((fate) => !hasSubnet(fate)),
    { build, guests, later },
  );
  startGuests(planning, guests);
  return [...fixed, ...others];
}

/** Containers on networks that are made anew, which stay: what was done to each so far. */
type Guests = Map<
  ObservedContainer,
  {
    readonly stop: string | undefined;
    readonly connected: { readonly network: string; readonly id: string }[];
  }
>;

function hasSubnet({ spec }: NetworkFate): boolean {
  return spec.ipam?.pools?.some(({ subnet }) => subnet !== undefined) === true;
}

function addEach(
  planning: Planning,
  fates: readonly NetworkFate[],
  {
    build,
    guests,
    later,
  }: { readonly build: Building; readonly guests: Guests; readonly later: readonly string[] },
): Made {
  return fates.map((fate) => {
    const { name, spec } = fate;
    const own = fate.kind === "replace" ? guestsOf(build, fate) : [];
    const after = fate.kind === "replace" ? [removeNetwork(build, fate, { own, guests })] : build.gate;
    const reason = because(fate.kind === "replace" ? "changed" : "missing");
    const id = planning.steps.add<CreateNetworkStep>({
      id: `network/${name}:create`,
      do: "create-network",
      spec,
      reason,
      after: [...after, ...later],
    });
    for (const guest of own)
      guests.get(guest)?.connected.push({ network: name, id: reattach(planning, guest, name, id) });
    return [`network/${name}`, id] as const;
  });
}

/** Containers of the stack on the network that are not replaced with it: other services', one-off ones. */
function guestsOf(build: Building, { name }: NetworkFate): readonly ObservedContainer[] {
  return build.planning.observed.containers.filter(
    (container) => name in container.networks && !build.removals.has(container.id),
  );
}

function removeNetwork(
  build: Building,
  fate: NetworkFate,
  { own, guests }: { readonly own: readonly ObservedContainer[]; readonly guests: Guests },
): string {
  const { planning, gate } = build;
  const { name, observed } = fate;
  const reason = because("changed");
  const released = own.map((guest) => {
    const after = gate;
    const cause = because(`network ${name} is made anew`);
    if (!guests.has(guest))
      guests.set(guest, {
        stop: addStop(planning, guest, { reason: cause, after, ...timeoutOf(build.options) }),
        connected: [],
      });
    const stop = guests.get(guest)?.stop;
    return planning.steps.add<DisconnectStep>({
      id: `container/${guest.name}:disconnect-${name}`,
      do: "disconnect",
      container: refOf(guest),
      network: name,
      reason: cause,
      after: stop === undefined ? after : [stop],
    });
  });
  const removed = [...build.removals.values()];
  return planning.steps.add<RemoveNetworkStep>({
    id: `network/${name}:remove`,
    do: "remove-network",
    name,
    networkId: observed?.id ?? name,
    reason,
    after: [...gate, ...removed, ...released],
  });
}

/** As it was attached before; by its name alone where nobody has looked how. */
function reattach(
  planning: Planning,
  guest: ObservedContainer,
  network: string,
  networkStep: string,
): string {
  return planning.steps.add<ConnectStep>({
    id: `container/${guest.name}:connect-${network}`,
    do: "connect",
    container: refOf(guest),
    network,
    endpoint: guest.endpoints?.[network] ?? { aliases: [guest.name] },
    reason: because(`network ${network} was made anew`),
    after: [networkStep],
  });
}

function startGuests(planning: Planning, guests: Guests): void {
  for (const [guest, { connected }] of guests) {
    if (guest.status !== "running") continue;
    const names = connected.map(({ network }) => network).join(", ");
    const reason = because(`network ${names} was made anew`);
    addStart(planning, refOf(guest), { reason, after: connected.map(({ id }) => id) });
  }
}

/** `volume/<name>` with the step that makes it. */
export function addVolumes(planning: Planning, fates: readonly VolumeFate[], build: Building): Made {
  return fates.flatMap((fate) => {
    if (fate.kind === "keep") return [];
    const { name, spec } = fate;
    const removed = [...build.removals.values()];
    const after =
      fate.kind === "create"
        ? build.gate
        : [
            planning.steps.add<RemoveVolumeStep>({
              id: `volume/${name}:remove`,
              do: "remove-volume",
              name,
              reason: because("changed, asked to replace"),
              after: [...build.gate, ...removed],
            }),
          ];
    const reason = because(fate.kind === "replace" ? "changed" : "missing");
    const id = planning.steps.add<CreateVolumeStep>({
      id: `volume/${name}:create`,
      do: "create-volume",
      spec,
      reason,
      after,
    });
    return [[`volume/${name}`, id] as const];
  });
}
