import type { Problem } from "./problem.ts";
import { ProblemList } from "./problem-list.ts";
import { SourceText } from "./source-text.ts";
import type { Origin, VariableUse } from "./source-tree.ts";
import { substitute } from "./substitute.ts";
import { useOf, type Variable } from "./variables.ts";

export interface EnvFileRun {
  /** Receives the keys; a later one replaces an earlier. What is in it already may be named by values. */
  readonly into: Map<string, Variable>;
  /** What values may name, before the keys themselves. */
  readonly lookup: (name: string) => string | undefined;
  /** `lookup` with where the value came from, for those who tell it. */
  readonly find?: (name: string) => Variable | undefined;
  readonly problems: ProblemList;
}

/** Reads a file by its `format`; false when there is none of that name. */
export function parseEnvFileOf(format: string, source: SourceText, run: EnvFileRun): boolean {
  if (format === "raw") parseRawEnvFile(source, run);
  else if (format === "" || format === ".env") parseEnvFile(source, run);
  else return false;
  return true;
}

/**
 * Compose's `.env` grammar (compose-go 2.9.1, dotenv): `KEY=value` or `KEY: value`, `export ` allowed before;
 * unquoted values end at ` #` or the line's end, quoted ones may hold lines, `'...'` is literal; variables are put
 * into all others. `KEY` alone takes its value from outside. One pass over the text.
 */
export function parseEnvFile(source: SourceText, run: EnvFileRun): void {
  const parser = new Parser(source, run);
  parser.parse();
}

class Parser {
  readonly #source: SourceText;
  readonly #text: string;
  readonly #run: EnvFileRun;
  #at: number;

  constructor(source: SourceText, run: EnvFileRun) {
    this.#source = source;
    this.#text = source.text;
    this.#run = run;
    this.#at = this.#text.startsWith("\uFEFF") ? 1 : 0;
  }

  parse(): void {
    while (this.#skipToStatement()) {
      const key = this.#readKey();
      if (key === undefined) this.#skipLine();
      else if (key.isAlone) this.#inherit(key);
      else {
        const value = this.#readValue();
        if (value !== undefined) this.#set(key, value);
      }
    }
  }

  #skipToStatement(): boolean {
    for (;;) {
      while (this.#at < this.#text.length && isSpace(this.#text, this.#at)) this.#at += 1;
      if (this.#at >= this.#text.length) return false;
      if (this.#text[this.#at] !== "#") return true;
      this.#skipLine();
    }
  }

  #skipLine(): void {
    const newline = this.#text.indexOf("\n", this.#at);
    this.#at = newline < 0 ? this.#text.length : newline;
  }

  #readKey(): Key | undefined {
    const exported = /^export\s+/.exec(this.#text.slice(this.#at, this.#at + 64));
    if (exported !== null) {
      this.#at += "export".length;
      this.#skipBlanks();
    }
    const start = this.#at;
    let at = start;
    for (; at < this.#text.length; at += 1) {
      const character = this.#text[at] ?? "";
      if (character === "=" || character === ":" || character === "\n") break;
      if (isBlank(character) || KEY_CHARACTER.test(character)) continue;
      const code = this.#text.codePointAt(at) ?? 0;
      if (code > 0xffff && KEY_CHARACTER.test(String.fromCodePoint(code))) {
        at += 1;
        continue;
      }
      this.#error(`"${String.fromCodePoint(code)}" cannot be part of a variable's name`, at, at + 1);
      return undefined;
    }
    const name = this.#text.slice(start, at).trimEnd();
    if (name.includes(" ")) {
      this.#error(`The variable's name "${name}" has a space in it`, start, start + name.length);
      return undefined;
    }
    const isAlone = at >= this.#text.length || this.#text[at] === "\n";
    this.#at = Math.min(at + 1, this.#text.length);
    if (!isAlone) this.#skipBlanks();
    return { name, isAlone, start };
  }

  #skipBlanks(): void {
    while (this.#at < this.#text.length && isBlank(this.#text[this.#at] ?? "")) this.#at += 1;
  }

  #inherit(key: Key): void {
    const value = this.#run.lookup(key.name);
    if (value !== undefined) this.#set(key, { value });
  }

  #set({ name, start }: Key, value: Value): void {
    const at = this.#origin(start, start + name.length);
    this.#run.into.set(name, { ...value, from: this.#source.name, at });
  }

  #readValue(): Value | undefined {
    const quote = this.#text[this.#at];
    if (quote === '"' || quote === "'") return this.#readQuoted(quote);
    const start = this.#at;
    this.#skipLine();
    const line = this.#text.slice(start, this.#at);
    const comment = line.indexOf(" #");
    const value = (comment < 0 ? line : line.slice(0, comment)).trimEnd();
    return this.#expand(value, start);
  }

  #readQuoted(quote: string): Value | undefined {
    const start = this.#at;
    let value = "";
    for (let at = start + 1; at < this.#text.length; at += 1) {
      const character = this.#text[at] ?? "";
      if (character === quote) {
        this.#at = at + 1;
        return quote === '"' ? this.#expand(expandEscapes(value), start) : { value };
      }
      const next = this.#text[at + 1];
      if (character === "\\" && next !== undefined) {
        at += 1;
        value += next === quote ? next : `\\${next}`;
      } else if (character !== "\\") value += character;
    }
    this.#skipLine();
    this.#error(`The quote ${quote} is never closed`, start, this.#at);
    return undefined;
  }

  #expand(template: string, start: number): Value | undefined {
    const variables: VariableUse[] = [];
    const { value, faults } = substitute(template, {
      lookup: (name) => {
        const outside = this.#run.lookup(name);
        const found = outside === undefined ? this.#run.into.get(name) : this.#run.find?.(name);
        variables.push(useOf(name, found));
        return outside ?? found?.value;
      },
      onUnset: (name) => {
        const at = Math.max(this.#text.indexOf(`$`, start), start);
        this.#run.problems.warning(
          "variable/unset",
          `The variable "${name}" is not set, an empty text stands for it`,
          { at: this.#origin(at, at + name.length + 1) },
        );
      },
    });
    const fault = faults[0];
    if (fault === undefined) return value === template ? { value } : { value, template, variables };
    const message =
      fault.kind === "required"
        ? `The variable "${fault.name}" must be set${fault.message === "" ? "" : `: ${fault.message}`}`
        : `"${template}" holds a "$" that begins no variable`;
    this.#error(message, start, start + 1);
    return undefined;
  }

  #error(message: string, start: number, end: number): void {
    this.#run.problems.error("env-file/syntax", message, { at: this.#origin(start, end) });
  }

  #origin(start: number, end: number): Origin {
    return { source: this.#source, start, end };
  }
}

type Value = Pick<Variable, "value" | "template" | "variables">;

interface Key {
  readonly name: string;
  readonly start: number;
  /** Without a value: it is taken from outside. */
  readonly isAlone: boolean;
}

const KEY_CHARACTER = /^[\p{L}\p{N}_.\-[\]]$/u;

function isBlank(character: string): boolean {
  return character === " " || character === "\t" || BLANKS.has(character);
}

const BLANKS = new Set(["\v", "\f", "\r", "\u0085", "\u00a0"]);

function isSpace(text: string, at: number): boolean {
  const character = text[at] ?? "";
  return (
    character === "\n" ||
    isBlank(character) ||
    (character > "\u00ff" && /\s/.test(character) && character !== "\uFEFF")
  );
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  $: "$$",
};

function expandEscapes(text: string): string {
  return text.replace(
    /\\(?:0(\d{0,3})|([abcfnrtv$"\\]))/g,
    (match, octal: string | undefined, letter: string) => {
      if (octal === undefined) return ESCAPES[letter] ?? match;
      const isByte = /^[0-3][0-7]{2}$/.test(octal);
      return isByte ? String.fromCharCode(Number.parseInt(octal, 8)) : `\\${octal}`;
    },
  );
}

/** The variables of a text of Compose's `.env` grammar that a command names, and what is wrong with it. */
export function parseEnvText(
  { name, text }: { readonly name: string; readonly text: string },
  lookup: EnvFileRun["lookup"],
): { readonly variables: Readonly<Record<string, string>>; readonly problems: readonly Problem[] } {
  const into = new Map<string, Variable>();
  const problems = new ProblemList();
  parseEnvFile(new SourceText(name, text), { into, lookup, problems });
  const variables = Object.fromEntries([...into].map(([key, { value }]) => [key, value]));
  return { variables, problems: problems.all };
}

/** `format: raw`: what `docker run --env-file` reads; nothing is quoted, nothing put in. */
export function parseRawEnvFile(source: SourceText, run: EnvFileRun): void {
  let start = 0;
  for (const line of source.text.split("\n")) {
    readRawLine(source, line.replace(/\r$/, ""), start, run);
    start += line.length + 1;
  }
}

function readRawLine(source: SourceText, whole: string, start: number, run: EnvFileRun): void {
  const line = whole.replace(/^\uFEFF/, "").trimStart();
  if (line === "" || line.startsWith("#")) return;
  const at = { source, start, end: start + whole.length };
  const equals = line.indexOf("=");
  const name = equals < 0 ? line : line.slice(0, equals);
  if (name === "") run.problems.error("env-file/syntax", "The variable has no name", { at });
  else if (/[ \t]/.test(name)) {
    run.problems.error("env-file/syntax", `The variable's name "${name}" has a space in it`, { at });
  } else {
    const value = equals < 0 ? run.lookup(name) : line.slice(equals + 1);
    if (value !== undefined) run.into.set(name, { value, from: source.name, at });
  }
}
