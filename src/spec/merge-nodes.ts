import type { PatternNode } from "./path-pattern.ts";
import { stepKey } from "./path-pattern.ts";
import type { ProblemList } from "./problem-list.ts";
import {
  Broken,
  type Entry,
  isNull,
  List,
  Mapping,
  type Node,
  type Path,
  pathText,
  Scalar,
} from "./source-tree.ts";

/** How one attribute merges: `over` is the later value. */
export type MergeRule = (base: Node, over: Node, step: MergeStep) => Node;

export interface MergeStep {
  readonly path: Path;
  readonly rules: PatternNode<MergeRule> | undefined;
  readonly problems: ProblemList;
}

export function mergeMappings(base: Mapping, over: Mapping, step: MergeStep): Mapping {
  const entries = new Map<string, Entry>(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key);
    if (below === undefined) {
      entries.set(key, entry);
      continue;
    }
    const rules = stepKey(step.rules, key);
    const next = { path: [...step.path, key], rules, problems: step.problems };
    const value = mergeNodes(below.value, entry.value, next);
    entries.set(key, { key: value === below.value ? below.key : entry.key, value });
  }
  return new Mapping(entries, over.origin);
}

function mergeNodes(base: Node, over: Node, step: MergeStep): Node {
  // What is known is checked on, even where the rest is not.
  if (base.kind === "broken") return isNull(over) ? base : over;
  if (over.kind === "broken") return over;
  const rule = step.rules?.rule;
  if (rule !== undefined) return rule(base, over, step);
  return mergeByKind(base, over, step);
}

export function mergeByKind(base: Node, over: Node, step: MergeStep): Node {
  if (isNull(over)) return base;
  if (base.kind === "map") {
    return over.kind === "map" ? mergeMappings(base, over, step) : cannotMerge(base, over, step);
  }
  if (base.kind === "list") {
    if (over.kind !== "list") return cannotMerge(base, over, step);
    return new List([...base.items, ...over.items], over.origin);
  }
  return replaceBy(base, over);
}

/** The later value, which remembers what it beat. */
export function replaceBy(base: Node, over: Node): Node {
  if (over.kind !== "scalar" || base.kind !== "scalar") return over;
  const beaten = [...(over.history?.beaten ?? []), base];
  return new Scalar(over.value, over.type, over.origin, { ...over.history, beaten });
}

function cannotMerge(base: Node, over: Node, { path, problems }: MergeStep): Node {
  const message = `${pathText(path)} is ${kindName(base)} in an earlier file, so it cannot be ${kindName(over)} here`;
  problems.error("merge/kind", message, {
    at: over.origin,
    path,
    hint: "put !override before the value to replace the earlier one whole",
    related: [{ at: base.origin, message: `${kindName(base)} here` }],
  });
  return new Broken(over.origin);
}

export function kindName(node: Node): string {
  if (node.kind === "map") return "a mapping";
  if (node.kind === "list") return "a list";
  if (node.kind === "broken") return "unknown";
  const names = {
    string: "text",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    null: "null",
    time: "a date",
  };
  return names[node.type];
}
