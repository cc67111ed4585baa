import { validate } from "./compose-schema.generated.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Mapping, Node } from "./source-tree.ts";

/** One finding of ajv. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

interface Validator {
  (data: unknown): boolean;
  errors?: readonly SchemaError[] | null;
}

/** Checks a tree by the Compose schema. Gives back the tree with what was wrong marked broken, each fault reported. */
export async function validateSchema(root: Mapping, problems: ProblemList): Promise<Mapping> {
  const validator: Validator = validate;
  let checked = root;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    if (validator(schemaValue(checked))) return checked;
    const { explainSchemaErrors } = await import("./explain-schema.ts");
    const { tree, isRenamed } = explainSchemaErrors(checked, validator.errors ?? [], problems);
    checked = tree;
    if (!isRenamed) break;
  }
  return checked;
}

/** Values under misspelt keys are checked under the right ones, and so on down. */
const MAX_ROUNDS = 4;

const DATE = Symbol("date");

/** The tree as ajv sees it: broken parts as undefined, dates as a type that no schema allows. */
function schemaValue(node: Node): unknown {
  switch (node.kind) {
    case "scalar":
      if (node.type === "time") return DATE;
      return typeof node.value === "bigint" ? Number(node.value) : node.value;
    case "list":
      return node.items.map(schemaValue);
    case "map": {
      const out: Record<string, unknown> = Object.create(null);
      for (const [key, { value }] of node.entries) out[key] = schemaValue(value);
      return out;
    }
    case "broken":
      return undefined;
  }
}
