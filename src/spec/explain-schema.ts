import schema from "./compose-spec.json" with { type: "json" };
import { kindName } from "./merge-nodes.ts";
import { scalarText } from "./merge-rules.ts";
import type { ProblemList } from "./problem-list.ts";
import { Broken, List, type Mapping, type Node, type Origin, type Path, pathText } from "./source-tree.ts";
import { didYouMean, suggest } from "./suggest.ts";
import type { SchemaError } from "./validate-schema.ts";

interface Located {
  readonly error: SchemaError;
  readonly path: Path;
  /** It lies in a part that was reported before. */
  readonly isBroken: boolean;
  /** For a `type`: all types that would do. */
  readonly types: readonly string[];
}

/** Says in words what ajv found, each fault once at its place, and marks those places broken. */
export function explainSchemaErrors(
  root: Mapping,
  errors: readonly SchemaError[],
  problems: ProblemList,
): { readonly tree: Mapping; readonly isRenamed: boolean } {
  let isRenamed = false;
  let tree: Node = root;
  for (const located of reduceAlternatives(root, errors)) {
    if (located.isBroken) continue;
    const repair = report(root, located, problems);
    tree = breakAt(tree, repair.path, repair.isExtra, repair.also);
    isRenamed ||= repair.isExtra && repair.also !== undefined;
  }
  return { tree: tree.kind === "map" ? tree : root, isRenamed };
}

/**
 * Where one of several forms must hold, ajv reports why none does. Kept is what is wrong with the form whose type is
 * there; if there is none, all types that would do.
 */
function reduceAlternatives(root: Mapping, errors: readonly SchemaError[]): readonly Located[] {
  let found: Located[] = [];
  for (const error of errors) {
    const { path, isBroken } = locate(root, error);
    if (error.keyword !== "oneOf") {
      found.push({ error, path, isBroken, types: typesOf(error) });
      continue;
    }
    const inside = found.filter((other) => startsWith(other.path, path));
    found = found.filter((other) => !startsWith(other.path, path));
    const isWrongType = (other: Located) =>
      other.error.keyword === "type" && other.path.length === path.length;
    const better = inside.filter((other) => !isWrongType(other));
    if (inside.some((other) => other.isBroken)) found.push(...inside.filter((other) => other.isBroken));
    else if (better.length > 0) found.push(...better);
    else {
      const types = [...new Set(inside.flatMap((other) => other.types))];
      found.push({ error: { ...error, keyword: "type" }, path, isBroken: false, types });
    }
  }
  return found;
}

function typesOf(error: SchemaError): readonly string[] {
  if (error.keyword !== "type") return [];
  const { type } = error.params;
  return Array.isArray(type) ? type.map(String) : String(type).split(",");
}

function startsWith(path: Path, prefix: Path): boolean {
  return path.length >= prefix.length && prefix.every((part, index) => path[index] === part);
}

function locate(root: Mapping, error: SchemaError): { path: Path; isBroken: boolean } {
  const path: (string | number)[] = [];
  let node: Node | undefined = root;
  for (const raw of error.instancePath.split("/").slice(1)) {
    const part = raw.replaceAll("~1", "/").replaceAll("~0", "~");
    path.push(node?.kind === "list" ? Number(part) : part);
    node = child(node, part);
    if (node?.kind === "broken") return { path, isBroken: true };
  }
  const missing = error.keyword === "required" ? String(error.params["missingProperty"]) : undefined;
  return { path, isBroken: missing !== undefined && node?.kind === "map" && node.entries.has(missing) };
}

function child(node: Node | undefined, part: string | number): Node | undefined {
  if (node?.kind === "map") return node.get(String(part));
  return node?.kind === "list" ? node.items[Number(part)] : undefined;
}

function nodeAt(root: Node, path: Path): Node | undefined {
  return path.reduce<Node | undefined>(child, root);
}

/** Where the thing at `path` is named: its key, or the item itself. */
function nameOrigin(root: Mapping, path: Path): Origin {
  const parent = nodeAt(root, path.slice(0, -1));
  const last = path.at(-1);
  if (parent?.kind === "map" && last !== undefined) {
    return parent.entries.get(String(last))?.key ?? parent.origin;
  }
  return nodeAt(root, path)?.origin ?? root.origin;
}

interface Repair {
  readonly path: Path;
  /** A key that should not be: it is taken out. */
  readonly isExtra: boolean;
  /** A key that is missing counts as there; the one that was probably meant takes the value of the one that is there. */
  readonly also?: string | undefined;
}

function report(root: Mapping, located: Located, problems: ProblemList): Repair {
  const { error, path } = located;
  const node = nodeAt(root, path);
  const name = path.length === 0 ? "The file" : pathText(path);
  const isUnsaid = node === undefined || node.origin.start === node.origin.end;
  const at = isUnsaid && path.length > 0 ? nameOrigin(root, path) : (node ?? root).origin;
  if (error.keyword === "additionalProperties") return reportUnknownKey(root, located, problems);
  if (error.keyword === "required") {
    const missing = String(error.params["missingProperty"]);
    problems.error("schema/missing-key", `${name} needs "${missing}"`, { at: nameOrigin(root, path), path });
    return { path, isExtra: false, also: missing };
  }
  if (error.keyword === "uniqueItems") {
    const later = Math.max(Number(error.params["i"]), Number(error.params["j"]));
    const earlier = Math.min(Number(error.params["i"]), Number(error.params["j"]));
    const first = nodeAt(root, [...path, earlier]);
    problems.error("schema/repeated-item", `${name} has the same item twice`, {
      at: nodeAt(root, [...path, later])?.origin ?? at,
      path: [...path, later],
      related: first === undefined ? [] : [{ at: first.origin, message: "first here" }],
    });
    return { path: [...path, later], isExtra: false };
  }
  const value = node?.kind === "scalar" ? scalarText(node) : "";
  const { rule, message, hint } = describe(located, node, value, name);
  problems.error(`schema/${rule}`, message, { at, path, hint });
  return { path, isExtra: false };
}

function describe(
  { error, types, path }: Located,
  node: Node | undefined,
  value: string,
  name: string,
): { rule: string; message: string; hint?: string | undefined } {
  const { params } = error;
  switch (error.keyword) {
    case "type":
      return {
        rule: "type",
        message: `${name} must be ${typeWords(types)}, not ${node === undefined ? "nothing" : shown(node)}`,
        hint: typeHint(types, node, path),
      };
    case "enum": {
      const allowed = (params["allowedValues"] as readonly unknown[]).map(String);
      return {
        rule: "choice",
        message: `${name} must be one of ${allowed.join(", ")}, not "${value}"`,
        hint: didYouMean(value, allowed),
      };
    }
    case "pattern":
      return {
        rule: "pattern",
        message: `${name} cannot be "${value}"`,
        hint: `it must match ${params["pattern"]}`,
      };
    case "minimum":
      return { rule: "range", message: `${name} must be ${params["limit"]} or more, not ${value}` };
    case "maximum":
      return { rule: "range", message: `${name} must be ${params["limit"]} or less, not ${value}` };
    default:
      return { rule: error.keyword, message: `${name} is not as the Compose schema wants it` };
  }
}

function shown(node: Node): string {
  if (node.kind !== "scalar" || node.type === "null") return kindName(node);
  return node.type === "string"
    ? `the text "${shorten(scalarText(node))}"`
    : `${kindName(node)} (${scalarText(node)})`;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: "text",
  array: "a list",
  object: "a mapping",
  boolean: "true or false",
  number: "a number",
  integer: "a whole number",
  null: "empty",
};

function typeWords(types: readonly string[]): string {
  const words = [...new Set(types.map((type) => TYPE_WORDS[type] ?? type))];
  if (words.length <= 1) return words[0] ?? "something else";
  return `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

const DURATIONS = new Set([
  "interval",
  "timeout",
  "start_period",
  "start_interval",
  "stop_grace_period",
  "delay",
  "window",
  "monitor",
]);

function typeHint(types: readonly string[], node: Node | undefined, path: Path): string | undefined {
  if (
    node?.kind !== "scalar" ||
    !types.includes("string") ||
    node.type === "string" ||
    node.type === "null"
  ) {
    return undefined;
  }
  const { source, start, end } = node.origin;
  if (DURATIONS.has(String(path.at(-1)))) return `write it with a unit: "${source.text.slice(start, end)}s"`;
  return `quote it: "${source.text.slice(start, end)}"`;
}

function reportUnknownKey(root: Mapping, { error, path }: Located, problems: ProblemList): Repair {
  const key = String(error.params["additionalProperty"]);
  const parent = nodeAt(root, path);
  const at = (parent?.kind === "map" ? parent.entries.get(key)?.key : undefined) ?? root.origin;
  const known = knownKeys(path);
  const full = [...path, key];
  if (known.length === 0) {
    problems.error("schema/name", `"${key}" cannot be a name in ${pathText(path)}`, {
      at,
      path: full,
      hint: 'letters, digits, ".", "_" and "-" only',
    });
    return { path: full, isExtra: true };
  }
  const where = path.length === 0 ? "at the top of a Compose file" : `in ${pathText(path)}`;
  problems.error("schema/unknown-key", `There is no "${key}" ${where}`, {
    at,
    path: full,
    hint: didYouMean(key, known) ?? movedHint(key, path),
  });
  return { path: full, isExtra: true, also: suggest(key, known) };
}

/** Keys that stand a level too high or low: people see them there in old files, or by a slip of indentation. */
function movedHint(key: string, path: Path): string | undefined {
  if (path.length === 2 && path[0] === "services") {
    if (knownKeys([...path, "build"]).includes(key)) return `it belongs under build`;
    if (knownKeys([...path, "deploy"]).includes(key)) return `it belongs under deploy`;
    if (key === "log_driver" || key === "log_opt") return "it is logging.driver and logging.options now";
  }
  if (path.length === 0 && knownKeys(["services", "x"]).includes(key)) return "it belongs in a service";
  if (path.length > 0 && knownKeys([]).includes(key)) return "it belongs at the top of the file";
  return undefined;
}

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly oneOf?: readonly Schema[];
}

/** Every key that the schema knows for the mapping at `path`. */
export function knownKeys(path: Path): readonly string[] {
  let schemas: readonly Schema[] = alternatives(schema as unknown as Schema);
  for (const part of path) {
    schemas = schemas.flatMap((each) => {
      if (typeof part === "number") return each.items === undefined ? [] : alternatives(each.items);
      const own = each.properties?.[part];
      if (own !== undefined) return alternatives(own);
      return Object.entries(each.patternProperties ?? {}).flatMap(([pattern, inner]) =>
        new RegExp(pattern, "u").test(part) ? alternatives(inner) : [],
      );
    });
  }
  return [...new Set(schemas.flatMap((each) => Object.keys(each.properties ?? {})))];
}

function alternatives(each: Schema): readonly Schema[] {
  if (each.$ref !== undefined) {
    const name = each.$ref.slice("#/definitions/".length);
    const target = (schema.definitions as unknown as Readonly<Record<string, Schema>>)[name];
    return target === undefined ? [] : alternatives(target);
  }
  return each.oneOf === undefined ? [each] : each.oneOf.flatMap(alternatives);
}

function breakAt(node: Node, path: Path, isExtra: boolean, also: string | undefined): Node {
  const [part, ...rest] = path;
  if (part === undefined)
    return also !== undefined && node.kind === "map" ? withBroken(node, also) : new Broken(node.origin);
  if (node.kind === "list") {
    return new List(
      node.items.map((item, index) => (index === Number(part) ? breakAt(item, rest, isExtra, also) : item)),
      node.origin,
    );
  }
  if (node.kind !== "map") return node;
  const key = String(part);
  const value = node.get(key);
  if (value === undefined) return node;
  if (rest.length > 0 || !isExtra) return node.with(key, breakAt(value, rest, isExtra, also));
  const without = node.with(key, undefined);
  if (also === undefined || node.entries.has(also)) return without;
  // The key that was meant: its value is checked on as if it stood there.
  return without.with(also, value, node.entries.get(key)?.key);
}

function withBroken(map: Mapping, key: string): Mapping {
  return map.entries.has(key) ? map : map.with(key, new Broken(map.origin), map.origin);
}
