import { stableJson } from "../lib/stable-json.ts";
import type { ContainerSpec, MountSpec } from "../runtime/index.ts";
import type { Service } from "../spec/index.ts";
import { serviceHash, sha256 } from "./config-hash.ts";
import { isBookkeeping, LABEL } from "./labels.ts";
import type { CreateContainerStep, Joins } from "./plan.ts";

/**
 * Hash of all that `create` receives, the image by its id and the files written before the start included: a
 * container with the same fingerprint is the one that would be made now. Inherited volumes are left out, since
 * they are the old container's, not the declaration's.
 */
export function fingerprint(spec: ContainerSpec, imageId: string, filesDigest: string | undefined): string {
  const labels = Object.fromEntries(Object.entries(spec.labels ?? {}).filter(([key]) => !isBookkeeping(key)));
  return sha256(stableJson({ ...spec, labels, image: imageId, files: filesDigest }));
}

/** What is known only when a container is created: the ids of what it is made from. */
export interface CreateFacts {
  readonly imageId: string;
  /** Service -> id of its container, for `joins`. */
  readonly joinedIds: Readonly<Record<string, string>>;
}

/** The spec that `create` receives for a step: names of joined containers become ids, and the hashes are added. */
export function completeSpec(
  step: Pick<CreateContainerStep, "spec" | "joins" | "filesDigest" | "inherited">,
  facts: CreateFacts,
): ContainerSpec {
  const { joins, inherited = [] } = step;
  const spec = joins === undefined ? step.spec : joined(step.spec, joins, facts.joinedIds);
  const declared = joins === undefined ? undefined : joinedService(joins.service, facts.joinedIds);
  return {
    ...spec,
    ...(inherited.length === 0 ? {} : { mounts: withInherited(spec.mounts ?? [], inherited) }),
    labels: {
      ...spec.labels,
      ...(declared === undefined ? {} : { [LABEL.configHash]: serviceHash(declared) }),
      [LABEL.image]: facts.imageId,
      [LABEL.fingerprint]: fingerprint(spec, facts.imageId, step.filesDigest),
    },
  };
}

function withInherited(mounts: readonly MountSpec[], inherited: readonly MountSpec[]): readonly MountSpec[] {
  const places = new Set(inherited.map(({ target }) => target));
  return [...mounts.filter(({ target }) => !places.has(target)), ...inherited];
}

/** The spec with `container:<name>` of joined containers as `container:<id>`. */
function joined(spec: ContainerSpec, joins: Joins, ids: Readonly<Record<string, string>>): ContainerSpec {
  const idByName = new Map(
    Object.entries(joins.containerNames).map(([service, name]) => [name, ids[service] ?? name]),
  );
  const swap = (mode: string): string => {
    const name = mode.startsWith("container:") ? mode.slice("container:".length) : undefined;
    return name === undefined ? mode : `container:${idByName.get(name) ?? name}`;
  };
  const { networkMode, ipcMode, pidMode, volumesFrom } = spec;
  return {
    ...spec,
    ...(networkMode === undefined ? {} : { networkMode: swap(networkMode) }),
    ...(ipcMode === undefined ? {} : { ipcMode: swap(ipcMode) }),
    ...(pidMode === undefined ? {} : { pidMode: swap(pidMode) }),
    ...(volumesFrom === undefined
      ? {}
      : {
          volumesFrom: volumesFrom.map((entry) => {
            const [name = "", mode] = entry.split(":");
            const id = idByName.get(name) ?? name;
            return mode === undefined ? id : `${id}:${mode}`;
          }),
        }),
  };
}

/** As Compose hashes it: `service:x` as the id of x's container. */
export function joinedService(service: Service, ids: Readonly<Record<string, string>>): Service {
  const swap = (mode: string | undefined): string | undefined => {
    const name = mode?.startsWith("service:") === true ? mode.slice("service:".length) : undefined;
    return name === undefined ? mode : `container:${ids[name] ?? name}`;
  };
  const { network_mode, ipc, pid, volumes_from } = service;
  const swapped = {
    ...(network_mode === undefined ? {} : { network_mode: swap(network_mode) ?? network_mode }),
    ...(ipc === undefined ? {} : { ipc: swap(ipc) ?? ipc }),
    ...(pid === undefined ? {} : { pid: swap(pid) ?? pid }),
  };
  if (volumes_from === undefined) return { ...service, ...swapped };
  const from = volumes_from.map((entry) => {
    const [name = "", ...rest] = entry.split(":");
    return name === "container" ? rest.join(":") : [ids[name] ?? name, ...rest].join(":");
  });
  return { ...service, ...swapped, volumes_from: from };
}
