import { RuntimeError } from "../index.ts";

/** Words at blanks outside quotes, quotes and escapes left in place. */
export function splitWords(text: string, escapeChar: string): readonly string[] {
  const words: string[] = [];
  for (let at = 0; at < text.length; ) {
    const end = endOfWord(text, at, escapeChar);
    if (end > at) words.push(text.slice(at, end));
    at = end + 1;
  }
  return words;
}

/** Where the word that begins at a place ends: the place itself for a blank. */
export function endOfWord(text: string, start: number, escapeChar: string): number {
  let quote = "";
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (quote === "" && /\s/.test(character)) break;
    if (character === escapeChar && quote !== "'") at++;
    else if (quote === "" && (character === "'" || character === '"')) quote = character;
    else if (character === quote) quote = "";
  }
  return Math.min(at, text.length);
}

/** The arguments of ENV and LABEL: `a=b c="d e"`, or the old `a b c` (one name, the rest is its value). Raw. */
export function parseNameValues(
  instruction: string,
  text: string,
  escapeChar: string,
): readonly (readonly [name: string, value: string])[] {
  const words = splitWords(text, escapeChar);
  const first = words[0];
  if (first === undefined) throw new RuntimeError("invalid", `${instruction} requires at least one argument`);
  if (!first.includes("=")) {
    const value = text.trim().slice(first.length).trim();
    if (value === "") throw new RuntimeError("invalid", `${instruction} must have two arguments`);
    return [[first, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals === -1)
      throw new RuntimeError(
        "invalid",
        `Syntax error - can't find = in "${word}". Must be of the form: name=value`,
      );
    if (equals === 0) throw new RuntimeError("invalid", `${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** A JSON list of texts, or undefined when the text is none. */
export function parseTextList(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
}
