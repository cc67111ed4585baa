import { replaceBy } from "./merge-nodes.ts";
import { parseMount } from "./mount-form.ts";
import { type PatternNode, patternTable, stepKey } from "./path-pattern.ts";
import type { ProblemList } from "./problem-list.ts";
import { isString, List, type Mapping, mapEntries, type Node, type Path, stringIn } from "./source-tree.ts";

/** The key by which a list's item is one of its kind; undefined when it has none; or what is wrong with it. */
type KeyOf = (
  item: Node,
  isVolume: (name: string) => boolean,
) => string | undefined | { readonly wrong: string };

const byName: KeyOf = (item) => {
  const value = stringIn(item);
  if (value === undefined) return undefined;
  const equals = value.indexOf("=");
  return equals < 0 ? value : value.slice(0, equals);
};

const byText: KeyOf = (item) => {
  if (item.kind !== "scalar") return undefined;
  return item.type === "float" ? { wrong: "must be a port, not a fraction" } : String(item.value);
};

const byPort: KeyOf = (item) => {
  if (item.kind === "scalar") return `${item.value}`;
  if (item.kind !== "map") return undefined;
  if (item.get("target") === undefined) return { wrong: "has no target port" };
  const part = (key: string, fallback: string) => {
    const value = item.get(key);
    return value?.kind === "scalar" ? `${value.type} ${value.value}` : fallback;
  };
  return [
    part("host_ip", "string 0.0.0.0"),
    part("published", "none"),
    part("target", "none"),
    part("protocol", "string tcp"),
  ].join(" ");
};

const byTarget: KeyOf = (item, isVolume) => {
  if (item.kind === "map") return stringIn(item.get("target")) ?? { wrong: "has no target" };
  if (!isString(item)) return undefined;
  const parsed = parseMount(item.value, isVolume);
  return "wrong" in parsed ? parsed : parsed.target;
};

const byDeviceTarget: KeyOf = (item) => {
  if (item.kind === "map") return stringIn(item.get("target")) ?? { wrong: "has no target" };
  if (!isString(item)) return undefined;
  const parts = item.value.split(":");
  return parts[1] ?? parts[0];
};

const byMountPoint =
  (folder: string): KeyOf =>
  (item) => {
    if (isString(item)) return `${folder}/${item.value}`;
    if (item.kind !== "map") return undefined;
    return stringIn(item.get("target")) ?? `${folder}/${stringIn(item.get("source")) ?? ""}`;
  };

const byPath: KeyOf = (item) => (item.kind === "map" ? stringIn(item.get("path")) : stringIn(item));

/** Lists in which an item replaces an earlier one of the same key, in its position (compose-go 2.9.1, override/uncity). */
const UNIQUE = patternTable<KeyOf>({
  "networks.*.labels": byName,
  "networks.*.ipam.options": byName,
  "services.*.annotations": byName,
  "services.*.build.args": byName,
  "services.*.build.additional_contexts": byName,
  "services.*.build.platform": byName,
  "services.*.build.tags": byName,
  "services.*.build.labels": byName,
  "services.*.cap_add": byName,
  "services.*.cap_drop": byName,
  "services.*.devices": byDeviceTarget,
  "services.*.configs": byMountPoint(""),
  "services.*.deploy.labels": byName,
  "services.*.dns": byName,
  "services.*.dns_opt": byName,
  "services.*.dns_search": byName,
  "services.*.environment": byName,
  "services.*.env_file": byPath,
  "services.*.expose": byText,
  "services.*.labels": byName,
  "services.*.links": byName,
  "services.*.networks.*.aliases": byName,
  "services.*.networks.*.link_local_ips": byName,
  "services.*.ports": byPort,
  "services.*.profiles": byName,
  "services.*.secrets": byMountPoint("/run/secrets"),
  "services.*.sysctls": byName,
  "services.*.tmpfs": byName,
  "services.*.volumes": byTarget,
});

export function enforceUnicity(root: Mapping, problems: ProblemList): Mapping {
  return walk(root, [], UNIQUE, { problems, isVolume: volumesOf(root) }) as Mapping;
}

interface UnicityRun {
  readonly problems: ProblemList;
  readonly isVolume: (name: string) => boolean;
}

/** Whether the stack declares a volume of a name. */
export function volumesOf(root: Mapping): (name: string) => boolean {
  const volumes = root.get("volumes");
  return (name) => volumes?.kind === "map" && volumes.entries.has(name);
}

function walk(node: Node, path: Path, rules: PatternNode<KeyOf> | undefined, run: UnicityRun): Node {
  if (rules === undefined) return node;
  if (node.kind === "map") {
    return mapEntries(node, (value, key) => walk(value, [...path, key], stepKey(rules, key), run));
  }
  if (node.kind !== "list" || rules.rule === undefined || node.items.length === 0) return node;
  return unique(node, path, rules.rule, run);
}

function unique(list: List, path: Path, keyOf: KeyOf, { problems, isVolume }: UnicityRun): List {
  const items: Node[] = [];
  const positions = new Map<string, number>();
  list.items.forEach((item, index) => {
    const key = keyOf(item, isVolume);
    if (typeof key === "object") {
      problems.error("value/form", `${String(path.at(-1))}[${index}] ${key.wrong}`, {
        at: item.origin,
        path: [...path, index],
      });
      return;
    }
    const position = key === undefined ? undefined : positions.get(key);
    const earlier = position === undefined ? undefined : items[position];
    if (position !== undefined && earlier !== undefined) {
      items[position] = replaceBy(earlier, item);
      return;
    }
    if (key !== undefined) positions.set(key, items.length);
    items.push(item);
  });
  return items.length === list.items.length ? list : new List(items, list.origin);
}
