import { renderTable } from "./table.ts";
import { templateError } from "./template-error.ts";
import { goText, isTruthy, sortedEntries, TEMPLATE_FUNCTIONS } from "./template-functions.ts";
import { type Block, type Node, type Operand, type Pipe, parseTemplate } from "./template-tree.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * `--format` as docker's commands have it: a Go template for each record, `table TEMPLATE` with headings. The
 * template language is Go's without `define`, `template`, `block`, `break` and `continue`.
 */
export function renderFormat(
  format: string,
  records: readonly Fields[],
  headings: Readonly<Record<string, string>> = {},
): string {
  const isTable = format === "table" || /^table\s/.test(format);
  const source = withEscapes(isTable ? format.replace(/^table\s*/, "") : format);
  const nodes = parseTemplate(source);
  const lines = records.map((record) => rendered(nodes, record));
  if (!isTable) return lines.map((line) => `${line}\n`).join("");
  const heading = source.replaceAll(/\{\{\s*\.?([\w.]+)[^}]*\}\}/g, (_match, path: string) => {
    const field = path.split(".")[0] ?? path;
    return headings[field] ?? field.replaceAll(/([a-z])([A-Z])/g, "$1 $2").toUpperCase();
  });
  return renderTable(
    heading.split("\t"),
    lines.map((line) => line.split("\t")),
  );
}

/** One record through a template, as `inspect` and `events` do it: what is outside of actions stays as it is. */
export function renderTemplate(format: string, record: unknown): string {
  return rendered(parseTemplate(format), record);
}

function withEscapes(text: string): string {
  return text.replaceAll(
    /\\([tnr\\])/g,
    (_match, char: string) => ({ t: "\t", n: "\n", r: "\r" })[char] ?? "\\",
  );
}

interface Scope {
  readonly root: unknown;
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
}

function rendered(nodes: readonly Node[], record: unknown): string {
  return renderAll(nodes, { root: record, dot: record, variables: new Map([["$", record]]) });
}

function renderAll(nodes: readonly Node[], scope: Scope): string {
  return nodes.map((node) => renderNode(node, scope)).join("");
}

function renderNode(node: Node, scope: Scope): string {
  switch (node.kind) {
    case "text":
      return node.text;
    case "value":
      return goText(evaluated(node.pipe, scope));
    case "set":
      scope.variables.set(node.variable, evaluated(node.pipe, scope));
      return "";
    case "range":
      return renderRange(node, scope);
    case "if":
    case "with": {
      const value = evaluated(node.pipe, scope);
      const [name] = node.variables;
      if (name !== undefined) scope.variables.set(name, value);
      if (!isTruthy(value)) return renderAll(node.otherwise, scope);
      return renderAll(node.body, node.kind === "with" ? { ...scope, dot: value } : scope);
    }
  }
}

function renderRange(node: Block, scope: Scope): string {
  const value = evaluated(node.pipe, scope);
  const items: readonly (readonly [unknown, unknown])[] = Array.isArray(value)
    ? [...value.entries()]
    : typeof value === "object" && value !== null
      ? sortedEntries(value)
      : [];
  if (items.length === 0) return renderAll(node.otherwise, scope);
  const [first, second] = node.variables;
  return items
    .map(([key, item]) => {
      if (first !== undefined) scope.variables.set(first, second === undefined ? item : key);
      if (second !== undefined) scope.variables.set(second, item);
      return renderAll(node.body, { ...scope, dot: item });
    })
    .join("");
}

function evaluated(pipe: Pipe, scope: Scope): unknown {
  let value: unknown;
  for (const [index, command] of pipe.entries()) value = call(command, scope, index === 0 ? [] : [value]);
  return value;
}

function call(command: readonly Operand[], scope: Scope, piped: readonly unknown[]): unknown {
  const [first, ...rest] = command;
  if (first?.kind === "function") {
    const run = TEMPLATE_FUNCTIONS[first.name];
    if (run === undefined) throw templateError(`function "${first.name}" not defined`);
    return run(...rest.map((operand) => resolved(operand, scope)), ...piped);
  }
  const value = first === undefined ? undefined : resolved(first, scope);
  const args = [...rest.map((operand) => resolved(operand, scope)), ...piped];
  if (typeof value === "function") return value(...args);
  if (args.length > 0) throw templateError("can't give argument to what is not a function");
  return value;
}

function resolved(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case "literal":
      return operand.value;
    case "function":
      return call([operand], scope, []);
    case "path":
      return lookedUp(operand.keys, baseOf(operand.base, scope), scope);
  }
}

function baseOf(base: Extract<Operand, { kind: "path" }>["base"], scope: Scope): unknown {
  if (base === "dot") return scope.dot;
  if ("pipe" in base) return evaluated(base.pipe, scope);
  if (!scope.variables.has(base.variable)) throw templateError(`undefined variable "${base.variable}"`);
  return scope.variables.get(base.variable);
}

function lookedUp(keys: readonly string[], base: unknown, { root }: Scope): unknown {
  let value = base;
  for (const key of keys) {
    if (value === null) return undefined;
    if (typeof value !== "object") throw templateError(`there is nothing to look up "${key}" in`);
    if (value === root && !Object.hasOwn(value, key))
      throw templateError(`there is no field "${key}"; there are ${Object.keys(value as Fields).join(", ")}`);
    value = (value as Fields)[key];
  }
  return value;
}
