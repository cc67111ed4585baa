import { type Resolved, resolvePlain } from "./yaml-scalars.ts";

/** The text needs more of YAML than the plain parser knows. */
export class NotPlain extends Error {
  override readonly name = "NotPlain";
}

export const CODE = {
  newline: 0x0a,
  space: 0x20,
  doubleQuote: 0x22,
  hash: 0x23,
  percent: 0x25,
  ampersand: 0x26,
  singleQuote: 0x27,
  asterisk: 0x2a,
  comma: 0x2c,
  dash: 0x2d,
  dot: 0x2e,
  colon: 0x3a,
  bracket: 0x5b,
  backslash: 0x5c,
  closingBracket: 0x5d,
  brace: 0x7b,
  pipe: 0x7c,
  closingBrace: 0x7d,
} as const;

export function skipSpaces(text: string, from: number): number {
  let at = from;
  while (text.charCodeAt(at) === CODE.space) at += 1;
  return at;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  n: "\n",
  t: "\t",
  " ": " ",
};

/** A quoted scalar on one line; `end` is after the closing quote. */
export function quotedAt(text: string, start: number): { readonly value: string; readonly end: number } {
  const isDouble = text.charCodeAt(start) === CODE.doubleQuote;
  let value = "";
  let from = start + 1;
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === CODE.newline) break;
    if (isDouble && code === CODE.backslash) {
      const escaped = ESCAPES[text[at + 1] ?? ""];
      if (escaped === undefined) break;
      value += text.slice(from, at) + escaped;
      at += 1;
      from = at + 1;
    } else if (isDouble ? code === CODE.doubleQuote : code === CODE.singleQuote) {
      if (isDouble || text.charCodeAt(at + 1) !== CODE.singleQuote)
        return { value: value + text.slice(from, at), end: at + 1 };
      value += text.slice(from, at + 1);
      at += 1;
      from = at + 1;
    }
  }
  throw new NotPlain();
}

const known = new Map<string, Resolved>();

/** A plain scalar's value and type; the same texts come again and again. */
export function scalarOf(text: string): Resolved {
  const first = text.charCodeAt(0);
  // Letters that begin neither true, false, null nor their like.
  if (first >= 0x61 && first <= 0x7a && first !== 0x74 && first !== 0x66 && first !== 0x6e) {
    return { value: text, type: "string" };
  }
  const found = known.get(text);
  if (found !== undefined) return found;
  const resolved = resolvePlain(text);
  if (known.size < 1000) known.set(text, resolved);
  return resolved;
}
