import { kindName } from "./merge-nodes.ts";
import type { DecodeStep, Field, Shape } from "./shape.ts";
import { isNull, type Mapping, type Node, pathText } from "./source-tree.ts";
import { goText } from "./yaml-scalars.ts";

/** The plain value of a part of the tree, typed as its shape says; undefined for nothing. */
export function decode(node: Node, shape: Shape, step: DecodeStep): unknown {
  if (node.kind === "broken") return undefined;
  if (shape.kind === "value") return shape.decode(node, step);
  if (isNull(node)) return undefined;
  if (shape.kind === "list") {
    if (node.kind !== "list") return wrongKind(node, "a list", step);
    const items: unknown[] = [];
    node.items.forEach((item, index) => {
      const found = decode(item, shape.item, { ...step, path: [...step.path, index] });
      if (found !== undefined) items.push(found);
    });
    return items.length === 0 ? undefined : items;
  }
  if (node.kind !== "map") return wrongKind(node, "a mapping", step);
  if (shape.kind === "struct") return decodeStruct(node, shape.fields, step);
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, { value }] of node.entries) {
    const found = decode(value, shape.value, { ...step, path: [...step.path, key] });
    if (found !== undefined) out[key] = found;
    else if (shape.keepsNull && isNull(value)) out[key] = null;
  }
  return node.entries.size === 0 ? undefined : out;
}

export function decodeStruct(
  node: Mapping,
  fields: readonly Field[],
  step: DecodeStep,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const field of fields) {
    const value = node.get(field.name);
    if (value === undefined) continue;
    const found = decode(value, field.shape, { ...step, path: [...step.path, field.name] });
    if (found !== undefined) out[field.name] = found;
  }
  for (const [key, { value }] of node.entries) {
    if (key.startsWith("x-") && key !== HIDDEN_CONTENT) out[key] = plainValue(value);
  }
  return out;
}

/** Where the value of a secret's or config's environment variable waits in the tree. */
export const HIDDEN_CONTENT = "x-#value";

function wrongKind(node: Node, wants: string, { path, problems }: DecodeStep): undefined {
  problems.error("value/kind", `${pathText(path)} must be ${wants}, not ${kindName(node)}`, {
    at: node.origin,
    path,
  });
  return undefined;
}

/** A tree as plain data, for extensions. Mappings have no prototype, so that any key is only data. */
export function plainValue(node: Node): unknown {
  switch (node.kind) {
    case "broken":
      return null;
    case "scalar":
      if (typeof node.value === "number" && !Number.isFinite(node.value))
        return goText(node.value, node.type);
      return node.value;
    case "list":
      return node.items.map(plainValue);
    case "map": {
      const out: Record<string, unknown> = Object.create(null);
      for (const [key, { value }] of node.entries) out[key] = plainValue(value);
      return out;
    }
  }
}
