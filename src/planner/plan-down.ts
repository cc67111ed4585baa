import { addRemove, addStop } from "./container-steps.ts";
import type { Desired } from "./desired.ts";
import { LABEL } from "./labels.ts";
import { imageOf } from "./names.ts";
import type { Observed, ObservedContainer } from "./observed.ts";
import type { Plan, RemoveImageStep, RemoveNetworkStep, RemoveVolumeStep } from "./plan.ts";
import {
  because,
  finishPlan,
  isOneOff,
  isRunning,
  numberOf,
  type Planning,
  serviceOf,
  startPlanning,
} from "./planning.ts";
import type { DownOptions } from "./requests.ts";
import { dependentsOf, inDependencyOrder } from "./scope.ts";

/** Takes the stack, or some of its services, down: dependents first, then networks, volumes and images. */
export function planDown(desired: Desired, observed: Observed, options: DownOptions): Plan {
  const planning = startPlanning(desired, observed);
  const named = options.services ?? [];
  for (const name of named)
    if (!(name in desired.stack.services) && !planning.byService.has(name))
      planning.problems.push({ kind: "unknown-service", message: `no such service: ${name}` });
  const going = observed.containers.filter((container) => goes(planning, container, options));
  const reason = because("asked to take down");
  const { removed } = removeInOrder(planning, going, { reason, options });
  if (named.length > 0) return finishPlan(planning);
  const staying = observed.containers.filter((container) => !going.includes(container));
  removeNetworks(planning, { removed, staying });
  if (options.removeVolumes === true) removeVolumes(planning, { removed, staying });
  if (options.removeImages !== undefined) removeImages(planning, options.removeImages, removed);
  return finishPlan(planning);
}

function goes({ stack }: Planning, container: ObservedContainer, options: DownOptions): boolean {
  const name = serviceOf(container);
  if (options.services !== undefined && options.services.length > 0)
    return options.services.includes(name) && !isOneOff(container);
  const isOurs = !isOneOff(container) && (name in stack.services || name in stack.disabled);
  return isOurs || options.removeOrphans === true;
}

/** Stops and removes containers, each service after all that depend on it. */
export function removeInOrder(
  planning: Planning,
  containers: readonly ObservedContainer[],
  context: {
    readonly reason: ReturnType<typeof because>;
    readonly options: Pick<DownOptions, "removeVolumes" | "timeoutSeconds">;
  },
): { readonly removed: readonly string[] } {
  const { reason, options } = context;
  const { timeoutSeconds } = options;
  const removed: string[] = [];
  stopInOrder(planning, containers, (container, after) => {
    const stop = addStop(planning, container, {
      reason,
      after,
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    });
    const remove = addRemove(planning, container, {
      reason,
      after: stop === undefined ? after : [stop],
      volumes: options.removeVolumes === true,
    });
    removed.push(remove);
    return stop ?? remove;
  });
  return { removed };
}

/** Calls `act` for each container, dependents first, with what it must wait for; `act` tells what ends it. */
export function stopInOrder(
  planning: Planning,
  containers: readonly ObservedContainer[],
  act: (container: ObservedContainer, after: readonly string[]) => string | undefined,
): void {
  const { stack } = planning;
  const dependents = dependentsOf(stack);
  const byService = new Map<string, ObservedContainer[]>();
  for (const container of containers) {
    const name = serviceOf(container);
    byService.set(name, [...(byService.get(name) ?? []), container]);
  }
  const known = [...inDependencyOrder(stack)].reverse();
  const strangers = [...byService.keys()].filter((name) => !(name in stack.services));
  const ended = new Map<string, readonly string[]>();
  for (const name of [...strangers, ...known]) {
    const before = (dependents.get(name) ?? []).flatMap((dependent) => ended.get(dependent) ?? []);
    const sorted = (byService.get(name) ?? []).sort((a, b) => numberOf(a) - numberOf(b));
    const own = sorted.flatMap((container) => act(container, before) ?? []);
    // A service without containers still stands between those that depend on it and those it depends on.
    ended.set(name, own.length > 0 ? own : before);
  }
}

interface Rest {
  readonly removed: readonly string[];
  readonly staying: readonly ObservedContainer[];
}

function removeNetworks({ stack, observed, steps, notes }: Planning, { removed, staying }: Rest): void {
  const external = new Set(
    Object.values(stack.networks).flatMap((network) => (network.external === true ? network.name : [])),
  );
  for (const { name, id, labels } of observed.networks) {
    if (labels[LABEL.project] !== stack.name || external.has(name)) continue;
    if (staying.some((container) => isRunning(container) && name in container.networks)) {
      notes.push({ kind: "warning", message: `Network ${name} Resource is still in use` });
      continue;
    }
    steps.add<RemoveNetworkStep>({
      id: `network/${name}:remove`,
      do: "remove-network",
      name,
      networkId: id,
      reason: because("asked to take down"),
      after: removed,
      isOptional: true,
    });
  }
}

/** What is declared alone: a volume that another file of the same folder has made keeps its data. */
function removeVolumes({ stack, observed, steps, hazards }: Planning, { removed, staying }: Rest): void {
  const namesOf = (isExternal: boolean) =>
    new Set(
      Object.values(stack.volumes)
        .filter(({ external }) => (external === true) === isExternal)
        .map(({ name }) => name),
    );
  const [declared, external] = [namesOf(false), namesOf(true)];
  for (const { name, labels } of observed.volumes) {
    if (labels[LABEL.project] !== stack.name || !declared.has(name) || external.has(name)) continue;
    if (labels[LABEL.volume] === undefined) continue;
    if (staying.some(({ mounts }) => mounts.some((mount) => mount.name === name))) continue;
    const stepId = steps.add<RemoveVolumeStep>({
      id: `volume/${name}:remove`,
      do: "remove-volume",
      name,
      reason: because("asked to remove volumes"),
      after: removed,
      isOptional: true,
    });
    hazards.push({ kind: "data-loss", stepId, message: `volume "${name}" and its data are removed` });
  }
}

function removeImages(
  { stack, observed, steps }: Planning,
  which: "local" | "all",
  removed: readonly string[],
): void {
  const images = Object.entries(stack.services)
    .filter(([, service]) => which === "all" || service.image === undefined)
    .map(([name, service]) => imageOf(stack, name, service));
  for (const image of new Set(images)) {
    if (observed.images[image] === undefined) continue;
    steps.add<RemoveImageStep>({
      id: `image/${image}:remove`,
      do: "remove-image",
      image,
      reason: because("asked to remove images"),
      after: removed,
      isOptional: true,
    });
  }
}
