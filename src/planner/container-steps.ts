import type { ContainerSpec, MountSpec } from "../runtime/index.ts";
import type { Service } from "../spec/index.ts";
import { environmentOf } from "./container-spec.ts";
import type { Slot } from "./fates.ts";
import { LABEL } from "./labels.ts";
import { temporaryName } from "./names.ts";
import type { ObservedContainer } from "./observed.ts";
import type {
  ConnectStep,
  ContainerRef,
  CreateContainerStep,
  ExecHookStep,
  Reason,
  RemoveStep,
  RenameStep,
  StartStep,
  StopStep,
  WriteFilesStep,
} from "./plan.ts";
import { because, isRunning, type Planning, refOf } from "./planning.ts";

type Ids = readonly (string | undefined)[];

/** Stop with its hooks; undefined when it does not run. */
export function addStop(
  planning: Planning,
  container: ObservedContainer,
  options: { readonly reason: Reason; readonly after: Ids; readonly timeoutSeconds?: number },
): string | undefined {
  if (!isRunning(container)) return undefined;
  const { reason, timeoutSeconds } = options;
  const ref = refOf(container);
  const service = planning.stack.services[ref.service];
  const canExec = container.status === "running";
  const hook = canExec
    ? addHooks(planning, { ref, service, kind: "pre_stop", after: options.after })
    : undefined;
  return planning.steps.add<StopStep>({
    id: `container/${container.name}:stop`,
    do: "stop",
    container: ref,
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    reason,
    after: hook === undefined ? options.after : [hook],
  });
}

export function addRemove(
  planning: Planning,
  container: ObservedContainer,
  options: { readonly reason: Reason; readonly after: Ids; readonly volumes?: boolean },
): string {
  return planning.steps.add<RemoveStep>({
    id: `container/${container.name}:remove`,
    do: "remove",
    container: refOf(container),
    force: true,
    volumes: options.volumes === true,
    reason: options.reason,
    after: options.after,
  });
}

/** Start with its hooks; the id of the last of them. */
export function addStart(
  planning: Planning,
  ref: ContainerRef,
  options: { readonly reason: Reason; readonly after: Ids; readonly isReplaced?: boolean },
): string {
  const start = planning.steps.add<StartStep>({
    id: `container/${ref.name}:start`,
    do: "start",
    container: ref,
    reason: options.reason,
    after: [...options.after, addPreStart(planning, ref, options)],
  });
  const service = planning.stack.services[ref.service];
  return addHooks(planning, { ref, service, kind: "post_start", after: [start] }) ?? start;
}

/**
 * What a service wants done before it runs, once for all its containers: before the first that is started while none
 * runs, or that takes the place of one. The last step's id.
 */
function addPreStart(
  planning: Planning,
  ref: ContainerRef,
  { after, isReplaced = false }: { readonly after: Ids; readonly isReplaced?: boolean },
): string | undefined {
  const { stack, byService, preStarts } = planning;
  const done = preStarts.get(ref.service);
  if (done !== undefined) return done;
  if (!isReplaced && byService.get(ref.service)?.some(isRunning) === true) return undefined;
  const last = addHooks(planning, { ref, service: stack.services[ref.service], kind: "pre_start", after });
  if (last !== undefined) preStarts.set(ref.service, last);
  return last;
}

/** One after the other; the last one's id, undefined when there are none. */
export function addHooks(
  planning: Planning,
  options: {
    readonly ref: ContainerRef;
    readonly service: Service | undefined;
    readonly kind: ExecHookStep["hook"];
    readonly after: Ids;
  },
): string | undefined {
  const { ref, service, kind } = options;
  const hooks = service?.[kind] ?? [];
  let last: string | undefined;
  hooks.forEach((hook, index) => {
    last = planning.steps.add<ExecHookStep>({
      id: `container/${ref.name}:${kind.replace("_", "-")}-${index + 1}`,
      do: "exec-hook",
      container: ref,
      hook: kind,
      index,
      command: hook.command ?? [],
      ...(hook.user !== undefined && { user: hook.user }),
      ...(hook.privileged === true && { privileged: true }),
      ...(hook.working_dir !== undefined && { workingDir: hook.working_dir }),
      ...(hook.environment !== undefined && { env: environmentOf(hook.environment) }),
      reason: because(`${kind} of ${ref.service}`),
      after: last === undefined ? options.after : [last],
    });
  });
  return last;
}

/** The container of a slot, made: under its own name, or a temporary one while another has it. The last step's id. */
export function addCreate(
  planning: Planning,
  slot: Slot,
  options: {
    readonly reason: Reason;
    readonly after: Ids;
    readonly replaces?: ObservedContainer;
    readonly isTemporary?: boolean;
    readonly inherits?: boolean;
  },
): { readonly ref: ContainerRef; readonly id: string } {
  const { draft, name, serviceName, number } = slot;
  const { replaces, isTemporary = false } = options;
  const actual = isTemporary && replaces !== undefined ? temporaryName(replaces.id, name) : name;
  const ref = { name: actual, service: serviceName, ...(actual !== name && { finalName: name }) };
  const inherited =
    replaces === undefined || options.inherits === false ? [] : inheritedOf(planning, slot, replaces);
  const created = planning.steps.add<CreateContainerStep>({
    id: `container/${name}:create`,
    do: "create-container",
    container: ref,
    number,
    spec: replaces === undefined ? draft.spec : labelled(draft.spec, slot),
    ...(draft.joins !== undefined && { joins: draft.joins }),
    ...(draft.filesDigest !== undefined && { filesDigest: draft.filesDigest }),
    ...(inherited.length > 0 && { inherited }),
    ...(replaces !== undefined && { replaces: refOf(replaces) }),
    reason: options.reason,
    after: options.after,
  });
  if (draft.files.length === 0) return { ref, id: created };
  const sources = draft.files.map(({ source }) => source).join(", ");
  const id = planning.steps.add<WriteFilesStep>({
    id: `container/${name}:write-files`,
    do: "write-files",
    container: ref,
    files: draft.files,
    reason: because(`content of ${sources}`),
    after: [created],
  });
  return { ref, id };
}

/** Compose marks a container that takes another's place with what it is called in the declaration. */
function labelled(spec: ContainerSpec, { service, serviceName, number }: Slot): ContainerSpec {
  const place = service.container_name ?? `${serviceName}-${number}`;
  return { ...spec, labels: { ...spec.labels, [LABEL.replace]: place } };
}

/** Anonymous volumes of the old container at places where the new one has one too. */
function inheritedOf(planning: Planning, slot: Slot, old: ObservedContainer): readonly MountSpec[] {
  const { spec } = slot.draft;
  const mounts = spec.mounts ?? [];
  const unnamed = mounts.filter((mount) => mount.type === "volume" && mount.source === undefined);
  const taken = new Set(mounts.filter((mount) => !unnamed.includes(mount)).map(({ target }) => target));
  const image = planning.observed.images[spec.image];
  const places = new Set([...unnamed.map(({ target }) => target), ...(image?.volumes ?? [])]);
  // Nobody knows the volumes of an image that is not here yet: nothing is lost.
  const isPlace = (target: string, name: string) =>
    places.has(target) || (image === undefined && /^[0-9a-f]{64}$/.test(name));
  return old.mounts.flatMap(({ type, name, target }) =>
    type === "volume" && name !== undefined && isPlace(target, name) && !taken.has(target)
      ? [
          {
            ...unnamed.find((mount) => mount.target === target),
            type: "volume" as const,
            source: name,
            target,
          },
        ]
      : [],
  );
}

export function addRename(
  planning: Planning,
  ref: ContainerRef,
  to: string,
  options: { readonly reason: Reason; readonly after: Ids },
): { readonly ref: ContainerRef; readonly id: string } {
  const id = planning.steps.add<RenameStep>({
    id: `container/${to}:rename`,
    do: "rename",
    container: ref,
    to,
    reason: options.reason,
    after: options.after,
  });
  const { finalName: _final, ...known } = ref;
  return { ref: { ...known, name: to }, id };
}

export function addConnects(
  planning: Planning,
  slot: Slot,
  ref: ContainerRef,
  after: Ids,
): readonly string[] {
  return slot.connect.map((network) =>
    planning.steps.add<ConnectStep>({
      id: `container/${ref.name}:connect-${network}`,
      do: "connect",
      container: ref,
      network,
      endpoint: slot.draft.spec.networks?.[network] ?? {},
      reason: because(`not attached to ${network}`),
      after,
    }),
  );
}
