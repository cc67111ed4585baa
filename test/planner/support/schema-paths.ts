import { readFileSync } from "node:fs";
import { join } from "node:path";

interface SchemaNode {
  readonly $ref?: string;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly items?: SchemaNode;
}

/** Every key of the Compose schema, `services.*.ports[].target`, in the schema's order. */
export function schemaPaths(): readonly string[] {
  const file = join(import.meta.dirname, "../../../src/spec/compose-spec.json");
  const schema = JSON.parse(readFileSync(file, "utf8")) as SchemaNode & {
    readonly definitions: Readonly<Record<string, SchemaNode>>;
  };
  const paths = new Set<string>();
  const visit = (node: SchemaNode | boolean | undefined, path: string, seen: readonly string[]): void => {
    if (typeof node !== "object") return;
    const name = node.$ref?.split("/").at(-1);
    if (name !== undefined && !seen.includes(name)) visit(schema.definitions[name], path, [...seen, name]);
    for (const part of [...(node.oneOf ?? []), ...(node.anyOf ?? [])]) visit(part, path, seen);
    for (const [key, child] of Object.entries(node.properties ?? {})) {
      const inner = path === "" ? key : `${path}.${key}`;
      paths.add(inner);
      visit(child, inner, seen);
    }
    for (const [key, child] of Object.entries(node.patternProperties ?? {}))
      if (key !== "^x-") visit(child, `${path}.*`, seen);
    visit(node.additionalProperties, `${path}.*`, seen);
    visit(node.items, `${path}[]`, seen);
  };
  visit(schema, "", []);
  return [...paths];
}
