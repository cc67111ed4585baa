import { type MergeRule, type MergeStep, mergeByKind, mergeMappings, replaceBy } from "./merge-nodes.ts";
import { patternTable } from "./path-pattern.ts";
import {
  bool,
  isNull,
  isString,
  List,
  Mapping,
  mappingOf,
  type Node,
  Scalar,
  stringIn,
  text,
} from "./source-tree.ts";
import { goText } from "./yaml-scalars.ts";

const replace: MergeRule = (base, over) => replaceBy(base, over);

/** Both become lists, one after the other; where keys repeat, the unicity rules keep the last. */
const append: MergeRule = (base, over) => new List([...asItems(base), ...asItems(over)], over.origin);

const appendNew: MergeRule = (base, over) => {
  const items = [...asItems(base)];
  const known = new Set(items.map(scalarText));
  return new List([...items, ...asItems(over).filter((item) => !known.has(scalarText(item)))], over.origin);
};

const mergeBuild: MergeRule = (base, over, step) => mergeConverted(base, over, step, buildMapping);

const mergeDependsOn: MergeRule = (base, over, step) =>
  mergeConverted(base, over, step, (node) =>
    keyedBy(node, (item) =>
      mappingOf(
        [
          ["condition", text("service_started", item.origin)],
          ["required", bool(true, item.origin)],
        ],
        item.origin,
      ),
    ),
  );

const mergeNamed: MergeRule = (base, over, step) =>
  mergeConverted(base, over, step, (node) => keyedBy(node, (item) => new Scalar(null, "null", item.origin)));

/** Options of one driver merge; those of different drivers do not. */
const mergeLogging: MergeRule = (base, over, step) => {
  if (base.kind !== "map" || over.kind !== "map") return mergeByKind(base, over, step);
  const drivers = [stringIn(base.get("driver")), stringIn(over.get("driver"))];
  const isSame = drivers[0] === drivers[1] || drivers.includes(undefined);
  return isSame ? mergeMappings(base, over, step) : over;
};

/** Pools of one subnet merge, others are added. */
const mergePools: MergeRule = (base, over, step) => {
  if (base.kind !== "list" || over.kind !== "list") return mergeByKind(base, over, step);
  const pools = [...base.items];
  for (const pool of over.items) {
    const subnet = pool.kind === "map" ? stringIn(pool.get("subnet")) : undefined;
    const index = pools.findIndex(
      (other) => subnet !== undefined && other.kind === "map" && stringIn(other.get("subnet")) === subnet,
    );
    const same = pools[index];
    if (same?.kind === "map" && pool.kind === "map") pools[index] = mergeMappings(same, pool, step);
    else pools.push(pool);
  }
  return new List(pools, over.origin);
};

function mergeConverted(
  base: Node,
  over: Node,
  step: MergeStep,
  convert: (node: Node) => Mapping | undefined,
): Node {
  const below = convert(base);
  const above = convert(over);
  if (below === undefined) return above ?? mergeByKind(base, over, step);
  if (above === undefined) return isNull(over) ? below : mergeByKind(base, over, step);
  return mergeMappings(below, above, step);
}

function buildMapping(node: Node): Mapping | undefined {
  if (node.kind === "map") return node;
  return isString(node) ? mappingOf([["context", node]], node.origin) : undefined;
}

function keyedBy(node: Node, make: (item: Node) => Node): Mapping | undefined {
  if (node.kind === "map") return node;
  if (node.kind !== "list") return undefined;
  const entries = node.items
    .filter(isString)
    .map((item) => [item.value, { key: item.origin, value: make(item) }] as const);
  return new Mapping(new Map(entries), node.origin);
}

/** A mapping as `key=value` texts in order, a text as a list of one. */
export function asItems(node: Node): readonly Node[] {
  if (node.kind === "list") return node.items;
  if (isString(node)) return [node];
  if (node.kind !== "map") return [];
  const items: Scalar[] = [];
  for (const [key, { value, key: at }] of node.entries) {
    const origin = {
      ...at,
      end: value.origin.source === at.source ? Math.max(value.origin.end, at.end) : at.end,
    };
    if (value.kind === "list") {
      for (const item of value.items) items.push(text(`${key}=${scalarText(item)}`, item.origin));
    } else if (isNull(value)) items.push(text(key, at));
    else items.push(new Scalar(`${key}=${scalarText(value)}`, "string", origin, historyOf(value)));
  }
  return items.sort((a, b) => compareText(String(a.value), String(b.value)));
}

function historyOf(node: Node): Scalar["history"] {
  return node.kind === "scalar" ? node.history : undefined;
}

export function scalarText(node: Node): string {
  return node.kind === "scalar" ? goText(node.value, node.type) : "";
}

/** Order of UTF-8 bytes, as Go sorts: that of UTF-16 units, but for surrogates. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (left === right) continue;
    const isSurrogate = left >= 0xd800 && left < 0xe000;
    if (isSurrogate !== (right >= 0xd800 && right < 0xe000)) {
      if (isSurrogate && right >= 0xe000) return 1;
      if (!isSurrogate && left >= 0xe000) return -1;
    }
    return left - right;
  }
  return a.length - b.length;
}

/** How each attribute merges that does not merge by its kind (compose-go 2.9.1, override/merge). */
export const MERGE_RULES = patternTable<MergeRule>({
  "networks.*.ipam.config": mergePools,
  "networks.*.labels": append,
  "volumes.*.labels": append,
  "services.*.annotations": append,
  "services.*.build": mergeBuild,
  "services.*.build.args": append,
  "services.*.build.additional_contexts": append,
  "services.*.build.extra_hosts": appendNew,
  "services.*.build.labels": append,
  "services.*.command": replace,
  "services.*.depends_on": mergeDependsOn,
  "services.*.deploy.labels": append,
  "services.*.dns": append,
  "services.*.dns_opt": append,
  "services.*.dns_search": append,
  "services.*.entrypoint": replace,
  "services.*.env_file": append,
  "services.*.label_file": append,
  "services.*.environment": append,
  "services.*.extra_hosts": appendNew,
  "services.*.healthcheck.test": replace,
  "services.*.labels": append,
  "services.*.logging": mergeLogging,
  "services.*.models": mergeNamed,
  "services.*.networks": mergeNamed,
  "services.*.sysctls": append,
  "services.*.tmpfs": append,
  "services.*.ulimits.*": replace,
});
