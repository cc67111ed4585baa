import { type ContainerSpec, RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import type { ContainerTable } from "./container-table.ts";
import type { ContainerRecord, StoredLink } from "./record.ts";
import { networkOfMode } from "./sandbox-request.ts";

interface Link {
  /** Absent: it has been removed. */
  readonly other: Container | undefined;
  /** The other's name now, or the last one known. */
  readonly name: string;
  /** The name that the link's owner knows it by. */
  readonly alias: string;
}

/** `container[:alias]`, the slashes of a client's full names left out. */
function splitLink(link: string): { readonly target: string; readonly alias: string } {
  const [target = "", alias = target] = link.split(":").map((part) => part.replace(/^.*\//, ""));
  return { target, alias };
}

/**
 * The links of a new container, none but on the default network: elsewhere they are names of an endpoint. `invalid` for
 * a link to nobody: for `not-found`, clients would fetch the image.
 */
export function settleLinks(
  table: ContainerTable,
  { links = [], networkMode }: ContainerSpec,
): readonly StoredLink[] {
  const found = links.map(splitLink).map(({ target, alias }) => {
    try {
      const { id, name } = table.find(target).record;
      return { containerId: id, containerName: name, alias };
    } catch (cause) {
      throw new RuntimeError("invalid", `could not get container for ${target}`, { cause });
    }
  });
  return networkOfMode(networkMode) === "bridge" ? found : [];
}

export function linksOf(table: ContainerTable, { links = [] }: ContainerRecord): readonly Link[] {
  return links.map(({ containerId, containerName, alias }) => {
    const other = table.byId(containerId);
    return { other, name: other?.record.name ?? containerName, alias };
  });
}

/** By container id, the names that others' links give it: `owner/alias`. */
export function linkNamesIn(table: ContainerTable): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  for (const { record } of table.all())
    for (const { containerId, alias } of record.links ?? [])
      names.set(containerId, [...(names.get(containerId) ?? []), `${record.name}/${alias}`]);
  return names;
}
