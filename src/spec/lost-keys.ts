import type { Lost } from "./repair-yaml.ts";
import { Broken, List, type Node, type Origin } from "./source-tree.ts";

/** Puts back the keys of lines that could not be read, broken, so that nobody says that they are missing. */
export function withLostKeys(root: Node, losses: readonly Lost[]): Node {
  let tree = root;
  for (const { kind, start } of losses) {
    if (kind !== "line" || tree.kind !== "map") continue;
    const { source } = tree.origin;
    const match = /^([ \t]*)(?:- +)?["']?([\w.-]+)/.exec(source.text.slice(start, start + 500));
    if (match === null) continue;
    const [, indent = "", key = ""] = match;
    const at = { source, start: start + indent.length, end: start + indent.length + key.length };
    const column = indent.includes("\t") ? indentBefore(source.text, start) : indent.length;
    tree = insert(tree, bestDepth(tree, start, column), key, at);
  }
  return tree;
}

/** A tab says nothing of where the line belongs: beside the one before, probably. */
function indentBefore(text: string, start: number): number {
  const lines = text.slice(Math.max(0, start - 5000), start).split("\n");
  const line = lines.findLast((each) => each.trim() !== "") ?? "";
  return line.length - line.trimStart().length;
}

/** How many steps down the mapping lies whose keys stand nearest to the column; the deeper of two. */
function bestDepth(root: Node, offset: number, column: number): number {
  let best = 0;
  let bestDistance = Number.POSITIVE_INFINITY;
  let node: Node | undefined = root;
  for (let depth = 0; node !== undefined; depth += 1) {
    const last: Last | undefined = lastBefore(node, offset);
    const first: Origin | undefined = node.kind === "map" ? [...node.entries.values()][0]?.key : undefined;
    if (first !== undefined) {
      const { source, start } = first;
      const distance = Math.abs(source.placeOf(start).column - 1 - column);
      if (distance <= bestDistance) {
        best = depth;
        bestDistance = distance;
      }
    }
    node = last?.value;
  }
  return best;
}

interface Last {
  readonly name?: string;
  readonly value: Node;
}

function lastBefore(node: Node, offset: number): Last | undefined {
  if (node.kind === "list") {
    const value = node.items.findLast((item) => item.origin.start < offset);
    return value === undefined ? undefined : { value };
  }
  if (node.kind !== "map") return undefined;
  let found: Last | undefined;
  let latest = -1;
  for (const [name, { key, value }] of node.entries) {
    if (key.start >= offset || key.start <= latest) continue;
    found = { name, value };
    latest = key.start;
  }
  return found;
}

function insert(node: Node, depth: number, key: string, at: Origin): Node {
  if (depth === 0) {
    return node.kind === "map" && !node.entries.has(key) ? node.with(key, new Broken(at), at) : node;
  }
  const last = lastBefore(node, at.start);
  if (last === undefined) return node;
  const value = insert(last.value, depth - 1, key, at);
  if (node.kind === "map" && last.name !== undefined) return node.with(last.name, value);
  if (node.kind !== "list") return node;
  return new List(
    node.items.map((item) => (item === last.value ? value : item)),
    node.origin,
  );
}
