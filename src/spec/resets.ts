import { type Entry, Mapping } from "./source-tree.ts";

/** Takes out what `!reset` and `!override` name; list items cannot be named. */
export function applyResets(root: Mapping, resets: readonly (readonly string[])[]): Mapping {
  return resets.reduce(remove, root);
}

/** The same for one service, which `name` stands for. */
export function applyServiceResets(
  service: Mapping,
  name: string,
  resets: readonly (readonly string[])[],
): Mapping {
  return resets
    .filter((path) => path[0] === "services" && path[1] === name && path.length > 2)
    .reduce((tree, path) => remove(tree, path.slice(2)), service);
}

function remove(root: Mapping, path: readonly string[]): Mapping {
  const [key, ...rest] = path;
  const entry = key === undefined ? undefined : root.entries.get(key);
  if (key === undefined || entry === undefined) return root;
  if (rest.length === 0) return root.with(key, undefined);
  if (entry.value.kind !== "map") return root;
  const inner = remove(entry.value, rest);
  if (inner === entry.value) return root;
  const entries = new Map<string, Entry>(root.entries);
  entries.set(key, { key: entry.key, value: inner });
  return new Mapping(entries, root.origin);
}
