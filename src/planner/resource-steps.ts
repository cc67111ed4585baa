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
  const fixed = addEach(planning, made.filter(hasSubnet), { build, later: [] });
  const later = fixed.map(([, id]) => id);
  const others = made.filter((fate) => !hasSubnet(fate));
  return [...fixed, ...addEach(planning, others, { build, later })];
}

function hasSubnet({ spec }: NetworkFate): boolean {
  return spec.ipam?.pools?.some(({ subnet }) => subnet !== undefined) === true;
}

function addEach(
  planning: Planning,
  fates: readonly NetworkFate[],
  { build, later }: { readonly build: Building; readonly later: readonly string[] },
): Made {
  return fates.map((fate) => {
    const { name, spec } = fate;
    const guests = fate.kind === "replace" ? guestsOf(build, fate) : [];
    const after = fate.kind === "replace" ? [removeNetwork(build, fate, guests)] : build.gate;
    const reason = because(fate.kind === "replace" ? "changed" : "missing");
    const id = planning.steps.add<CreateNetworkStep>({
      id: `network/${name}:create`,
      do: "create-network",
      spec,
      reason,
      after: [...after, ...later],
    });
    for (const guest of guests) reattach(build, guest, name, id);
    return [`network/${name}`, id] as const;
  });
}

/** Containers of the stack on the network that are not replaced with it: other services', one-off ones. */
function guestsOf(build: Building, { name }: NetworkFate): readonly ObservedContainer[] {
  return build.planning.observed.containers.filter(
    (container) => name in container.networks && !build.removals.has(container.id),
  );
}

function removeNetwork(build: Building, fate: NetworkFate, guests: readonly ObservedContainer[]): string {
  const { planning, gate } = build;
  const { name, observed } = fate;
  const reason = because("changed");
  const released = guests.map((guest) => {
    const after = gate;
    const cause = because(`network ${name} is made anew`);
    const stop = addStop(planning, guest, { reason: cause, after, ...timeoutOf(build.options) });
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

function reattach(build: Building, guest: ObservedContainer, network: string, networkStep: string): void {
  const { planning } = build;
  const reason = because(`network ${network} was made anew`);
  const connected = planning.steps.add<ConnectStep>({
    id: `container/${guest.name}:connect-${network}`,
    do: "connect",
    container: refOf(guest),
    network,
    endpoint: { aliases: [guest.name, refOf(guest).service] },
    reason,
    after: [networkStep],
  });
  if (guest.status === "running") addStart(planning, refOf(guest), { reason, after: [connected] });
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
