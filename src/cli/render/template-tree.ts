import { templateError } from "./template-error.ts";

/** A Go template, parsed. */
export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "value"; readonly pipe: Pipe }
  | { readonly kind: "set"; readonly variable: string; readonly pipe: Pipe }
  | Block;

export interface Block {
  readonly kind: "if" | "with" | "range";
  /** `range $key, $value := ...` or `with $value := ...`. */
  readonly variables: readonly string[];
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** Commands, each with the value of the one before as its last argument. */
export type Pipe = readonly (readonly Operand[])[];

export type Operand =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "function"; readonly name: string }
  /** Keys looked up one after the other in the dot, in a variable, or in what a pipe in parentheses gives. */
  | {
      readonly kind: "path";
      readonly base: { readonly variable: string } | { readonly pipe: Pipe } | "dot";
      readonly keys: readonly string[];
    };

const ACTION = /(\{\{-?[\s\S]*?-?\}\})/;

export function parseTemplate(source: string): readonly Node[] {
  const cursor = { parts: trimmed(source.split(ACTION)), at: 0 };
  const nodes = parseNodes(cursor, false);
  if (cursor.at < cursor.parts.length) throw templateError(`unexpected {{${actionOf(cursor)}}}`);
  return nodes;
}

interface Cursor {
  readonly parts: readonly string[];
  at: number;
}

/** `{{-` and `-}}` take the blanks beside them away. */
function trimmed(parts: readonly string[]): string[] {
  return parts.map((part, index) => {
    if (index % 2 === 1) return part;
    let text = part;
    if (parts[index - 1]?.endsWith("-}}")) text = text.trimStart();
    if (parts[index + 1]?.startsWith("{{-")) text = text.trimEnd();
    return text;
  });
}

function actionOf({ parts, at }: Cursor): string {
  return (parts[at] ?? "").replace(/^\{\{-?\s*/, "").replace(/\s*-?\}\}$/, "");
}

/** Up to the end of the text, or to the `else` or `end` that closes a block. */
function parseNodes(cursor: Cursor, isBlock: boolean): readonly Node[] {
  const nodes: Node[] = [];
  for (; cursor.at < cursor.parts.length; cursor.at++) {
    if (cursor.at % 2 === 0) {
      const text = cursor.parts[cursor.at] ?? "";
      if (text.includes("{{")) throw templateError("an action is not closed with }}");
      nodes.push({ kind: "text", text });
      continue;
    }
    const action = actionOf(cursor);
    if (/^(else|end)\b/.test(action)) return nodes;
    if (!action.startsWith("/*")) nodes.push(parseAction(cursor, action));
  }
  if (isBlock) throw templateError("a block has no end");
  return nodes;
}

const BLOCK = /^(if|with|range)\b\s*([\s\S]*)$/;
const VARIABLES = /^\s*(\$\w+)(?:\s*,\s*(\$\w+))?\s*:?=(?!=)\s*/;

function parseAction(cursor: Cursor, action: string): Node {
  const [, word, rest = ""] = BLOCK.exec(action) ?? [];
  if (word !== undefined) return parseBlock(cursor, word as Block["kind"], rest);
  const [head = "", variable] = VARIABLES.exec(action) ?? [];
  const pipe = parsePipe(action.slice(head.length));
  return variable === undefined ? { kind: "value", pipe } : { kind: "set", variable, pipe };
}

/** Ends on its own `end`. */
function parseBlock(cursor: Cursor, kind: Block["kind"], head: string): Block {
  const [assigned = "", ...names] = VARIABLES.exec(head) ?? [];
  const pipe = parsePipe(head.slice(assigned.length));
  cursor.at++;
  const body = parseNodes(cursor, true);
  const [, otherwise] = /^else\b\s*([\s\S]*)$/.exec(actionOf(cursor)) ?? [];
  return {
    kind,
    variables: names.filter((name) => name !== undefined),
    pipe,
    body,
    otherwise: otherwise === undefined ? [] : parseElse(cursor, otherwise),
  };
}

function parseElse(cursor: Cursor, condition: string): readonly Node[] {
  const [, word, rest = ""] = BLOCK.exec(condition) ?? [];
  if (word !== undefined) return [parseBlock(cursor, word as Block["kind"], rest)];
  cursor.at++;
  return parseNodes(cursor, true);
}

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|`[^`]*`|[|()]|[^\s|()"`]+)/y;

function parsePipe(text: string): Pipe {
  const tokens = tokensOf(text);
  const pipe = pipeOf(tokens);
  if (tokens.length > 0) throw templateError(`unexpected ")" in {{${text}}}`);
  if (pipe.some((command) => command.length === 0)) throw templateError(`missing value in {{${text}}}`);
  return pipe;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (text.slice(TOKEN.lastIndex).trim() !== "") {
    const [, token] = TOKEN.exec(text) ?? [];
    if (token === undefined) throw templateError(`unexpected text in {{${text}}}`);
    tokens.push(token);
  }
  return tokens;
}

/** Takes from `tokens` up to a closing parenthesis, which it leaves. */
function pipeOf(tokens: string[]): Pipe {
  const commands: Operand[][] = [[]];
  while (tokens.length > 0 && tokens[0] !== ")") {
    const token = tokens.shift() ?? "";
    if (token === "|") commands.push([]);
    else commands.at(-1)?.push(token === "(" ? parenthesized(tokens) : operandOf(token));
  }
  return commands;
}

function parenthesized(tokens: string[]): Operand {
  const pipe = pipeOf(tokens);
  if (tokens.shift() !== ")") throw templateError("a parenthesis is not closed");
  const keys = /^\.\w/.test(tokens[0] ?? "") ? keysOf(tokens.shift() ?? "") : [];
  return { kind: "path", base: { pipe }, keys };
}

function operandOf(token: string): Operand {
  if (token.startsWith('"')) return { kind: "literal", value: JSON.parse(token) };
  if (token.startsWith("`")) return { kind: "literal", value: token.slice(1, -1) };
  if (/^-?\d+(\.\d+)?$/.test(token)) return { kind: "literal", value: Number(token) };
  if (token === "true" || token === "false") return { kind: "literal", value: token === "true" };
  if (token === "nil") return { kind: "literal", value: null };
  if (token.startsWith(".")) return { kind: "path", base: "dot", keys: keysOf(token) };
  const [variable = ""] = /^\$\w*/.exec(token) ?? [];
  if (variable === "") return { kind: "function", name: token };
  return { kind: "path", base: { variable }, keys: keysOf(token.slice(variable.length)) };
}

function keysOf(path: string): readonly string[] {
  return path.split(".").filter((key) => key !== "");
}
