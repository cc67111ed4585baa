import type { Disk } from "./load-options.ts";
import { type PatternNode, patternTable, stepItem, stepKey } from "./path-pattern.ts";
import { isAbsolute, isWindowsAbsolute, joinPath } from "./paths.ts";
import type { ProblemList } from "./problem-list.ts";
import {
  isString,
  type Mapping,
  mapEntries,
  mapItems,
  type Node,
  type Path,
  pathText,
  Scalar,
  stringIn,
} from "./source-tree.ts";

export interface PathBase {
  /** What relative paths are relative to; itself relative to the outer project where that one is resolved later. */
  readonly directory: string;
  readonly home: string | undefined;
  readonly problems: ProblemList;
}

type PathRule = (node: Node, base: PathBase, path: Path) => Node;

function changeText(node: Node, change: (text: string) => string): Node {
  if (!isString(node)) return node;
  const changed = change(node.value);
  return changed === node.value ? node : new Scalar(changed, "string", node.origin, node.history);
}

function expandHome(path: string, { home }: PathBase): string {
  if (!path.startsWith("~") || home === undefined) return path;
  return joinPath(home, path.slice(1));
}

const plain: PathRule = (node, base) =>
  changeText(node, (text) => {
    const path = expandHome(text, base);
    return path === "" || isAbsolute(path) ? path : joinPath(base.directory, path);
  });

const unixOrWindows: PathRule = (node, base) =>
  changeText(node, (text) => {
    const path = expandHome(text, base);
    return isAbsolute(path) || isWindowsAbsolute(path) ? path : joinPath(base.directory, path);
  });

const REMOTE = ["https://", "http://", "git://", "ssh://", "github.com/", "git@", "service:"];

const buildContext: PathRule = (node, base, path) => {
  const value = stringIn(node) ?? "";
  return value.includes("://") || REMOTE.some((prefix) => value.startsWith(prefix))
    ? node
    : plain(node, base, path);
};

const mountSource: PathRule = (node, base, path) => {
  if (node.kind !== "map" || stringIn(node.get("type")) !== "bind") return node;
  const source = node.get("source");
  if (source !== undefined) return node.with("source", unixOrWindows(source, base, path));
  base.problems.error("value/bind-source", `${pathText(path)} is a bind mount, which needs a source`, {
    at: node.origin,
    path,
  });
  return node;
};

/** A local volume that is a bind mount in truth. */
const volumeDevice: PathRule = (node, base, path) => {
  const options = node.kind === "map" ? node.get("driver_opts") : undefined;
  if (node.kind !== "map" || options?.kind !== "map" || stringIn(node.get("driver")) !== "local") return node;
  const device = options.get("device");
  if (device === undefined || stringIn(options.get("o")) !== "bind") return node;
  return node.with("driver_opts", options.with("device", unixOrWindows(device, base, path)));
};

/** Which values are paths on the host (compose-go 2.9.1, paths/resolve). */
const PATH_RULES = patternTable<PathRule>({
  "services.*.build.context": buildContext,
  "services.*.build.additional_contexts.*": buildContext,
  "services.*.build.ssh.*": unixOrWindows,
  "services.*.env_file.*.path": plain,
  "services.*.label_file.*": plain,
  "services.*.extends.file": plain,
  "services.*.develop.watch.*.path": plain,
  "services.*.volumes.*": mountSource,
  "configs.*.file": unixOrWindows,
  "secrets.*.file": unixOrWindows,
  "volumes.*": volumeDevice,
});

export function resolvePaths(root: Mapping, base: PathBase): Mapping {
  return walk(root, [], PATH_RULES, base) as Mapping;
}

function walk(node: Node, path: Path, rules: PatternNode<PathRule> | undefined, base: PathBase): Node {
  if (rules === undefined || node.kind === "broken") return node;
  if (rules.rule !== undefined) return rules.rule(node, base, path);
  if (node.kind === "map") {
    return mapEntries(node, (value, key) => walk(value, [...path, key], stepKey(rules, key), base));
  }
  if (node.kind === "list") {
    return mapItems(node, (value, index) => walk(value, [...path, index], stepItem(rules), base));
  }
  return node;
}

/** Watched paths go through the first symbolic link on their way, as what changes is reported there. */
export async function followWatchLinks(root: Mapping, disk: Disk): Promise<Mapping> {
  const services = root.get("services");
  if (services?.kind !== "map") return root;
  let changed = services;
  for (const [name, { value: service }] of services.entries) {
    const develop = service.kind === "map" ? service.get("develop") : undefined;
    const watch = develop?.kind === "map" ? develop.get("watch") : undefined;
    if (service.kind !== "map" || develop?.kind !== "map" || watch?.kind !== "list") continue;
    const paths = new Map<string, string>();
    for (const item of watch.items) {
      const path = item.kind === "map" ? stringIn(item.get("path")) : undefined;
      if (path !== undefined) paths.set(path, await throughFirstLink(path, disk));
    }
    const followed = mapItems(watch, (item) => {
      const path = item.kind === "map" ? item.get("path") : undefined;
      if (item.kind !== "map" || path === undefined) return item;
      const moved = changeText(path, (text) => paths.get(text) ?? text);
      return moved === path ? item : item.with("path", moved);
    });
    if (followed !== watch)
      changed = changed.with(name, service.with("develop", develop.with("watch", followed)));
  }
  return changed === services ? root : root.with("services", changed);
}

async function throughFirstLink(path: string, disk: Disk): Promise<string> {
  if (!isAbsolute(path)) return path;
  let current = "";
  const parts = path.split("/").filter((part) => part !== "");
  for (const [index, part] of parts.entries()) {
    const next = `${current}/${part}`;
    const real = await disk.realPath(next);
    if (real !== next) return [real, ...parts.slice(index + 1)].join("/");
    current = next;
  }
  return path;
}
