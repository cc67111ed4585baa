import { type PatternNode, patternTable, stepItem, stepKey } from "./path-pattern.ts";
import { type Mapping, mapEntries, mapItems, type Node, type Origin, stringIn, text } from "./source-tree.ts";

type Default = (map: Mapping) => Mapping;

function withDefault(map: Mapping, key: string, value: (origin: Origin) => Node): Mapping {
  return map.entries.has(key) ? map : map.with(key, value(map.origin), map.origin);
}

const deviceCount: Default = (map) =>
  map.entries.has("device_ids") ? map : withDefault(map, "count", (at) => text("all", at));

/** What an attribute is when it is not said (compose-go 2.9.1, transform/defaults). */
const DEFAULTS = patternTable<Default>({
  "services.*.build": (map) => withDefault(map, "context", (at) => text(".", at)),
  "services.*.secrets.*": (map) =>
    withDefault(map, "target", (at) => text(`/run/secrets/${stringIn(map.get("source")) ?? ""}`, at)),
  "services.*.ports.*": (map) => {
    const withProtocol = withDefault(map, "protocol", (at) => text("tcp", at));
    return withDefault(withProtocol, "mode", (at) => text("ingress", at));
  },
  "services.*.deploy.resources.reservations.devices.*": deviceCount,
  "services.*.gpus.*": deviceCount,
});

export function setDefaults(root: Mapping): Mapping {
  return walk(root, DEFAULTS) as Mapping;
}

function walk(node: Node, rules: PatternNode<Default> | undefined): Node {
  if (rules === undefined) return node;
  if (rules.rule !== undefined) return node.kind === "map" ? rules.rule(node) : node;
  if (node.kind === "map") return mapEntries(node, (value, key) => walk(value, stepKey(rules, key)));
  return node.kind === "list" ? mapItems(node, (value) => walk(value, stepItem(rules))) : node;
}
