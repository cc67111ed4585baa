import { CANONICAL_RULES, type CanonicalRule, type CanonicalStep } from "./canonical-rules.ts";
import { type PatternNode, stepItem, stepKey } from "./path-pattern.ts";
import {
  isNull,
  isString,
  List,
  type Mapping,
  mapEntries,
  mapItems,
  type Node,
  type Path,
} from "./source-tree.ts";
import { volumesOf } from "./unicity.ts";

/** Brings every short form to its long one. */
export function toCanonical(root: Mapping, options: Omit<CanonicalStep, "path" | "isVolume">): Mapping {
  const canonical = walk(root, [], CANONICAL_RULES, { ...options, isVolume: volumesOf(root) }) as Mapping;
  return dropEmptyDns(canonical);
}

function walk(
  node: Node,
  path: Path,
  rules: PatternNode<CanonicalRule> | undefined,
  options: Omit<CanonicalStep, "path">,
): Node {
  if (rules === undefined || node.kind === "broken") return node;
  const value = rules.rule === undefined ? node : rules.rule(node, { ...options, path });
  if (rules.children.size === 0) return value;
  if (value.kind === "map") {
    return mapEntries(value, (inner, key) => walk(inner, [...path, key], stepKey(rules, key), options));
  }
  if (value.kind === "list") {
    return mapItems(value, (inner, index) => walk(inner, [...path, index], stepItem(rules), options));
  }
  return value;
}

function dropEmptyDns(root: Mapping): Mapping {
  return mapEntries(root, (section, name) => {
    if (name !== "services" || section.kind !== "map") return section;
    return mapEntries(section, (service) => {
      const dns = service.kind === "map" ? service.get("dns") : undefined;
      if (service.kind !== "map" || dns?.kind !== "list") return service;
      const kept = dns.items.filter((item) => !isNull(item) && !(isString(item) && item.value === ""));
      return kept.length === dns.items.length ? service : service.with("dns", new List(kept, dns.origin));
    });
  });
}
