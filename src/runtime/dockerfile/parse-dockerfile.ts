import { RuntimeError } from "../index.ts";
import { parseError } from "./dockerfile-error.ts";
import { isKnownInstruction, nearestInstruction } from "./instruction-names.ts";
import { endOfWord } from "./name-values.ts";

export interface Heredoc {
  readonly name: string;
  readonly content: string;
  /** Its name was not quoted: variables in it are meant to be expanded. */
  readonly isExpanded: boolean;
}

export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** The name as it was written. */
  readonly keyword: string;
  /** `--name=value` in front of the arguments; a flag alone has the value "". */
  readonly flags: readonly { readonly name: string; readonly value: string }[];
  /** What follows the flags, continued lines joined. */
  readonly args: string;
  readonly heredocs: readonly Heredoc[];
  /** As it is shown: name, flags and arguments. */
  readonly text: string;
  /** First and last line, from 1. */
  readonly line: number;
  readonly endLine: number;
}

export interface Dockerfile {
  readonly instructions: readonly Instruction[];
  readonly escapeChar: string;
}

/** Flags that instructions may have. HEALTHCHECK's are read with the rest of it. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  FROM: ["platform"],
  RUN: ["mount", "network", "security", "device"],
  COPY: ["from", "chown", "chmod", "link", "parents", "exclude"],
  ADD: ["chown", "chmod", "link", "exclude", "checksum", "keep-git-dir", "unpack"],
};
const BOOLEAN_FLAGS: ReadonlySet<string> = new Set(["keep-git-dir", "link", "parents", "unpack"]);
const REPEATED_FLAGS: ReadonlySet<string> = new Set(["device", "exclude", "mount"]);
const HAS_HEREDOCS: ReadonlySet<string> = new Set(["RUN", "COPY", "ADD"]);
const DIRECTIVE = /^#\s*([a-zA-Z][a-zA-Z0-9-]*)\s*=(.*)$/;
/** As BuildKit. */
const MAX_LINE_LENGTH = 65_535;
const KNOWN_DIRECTIVES: ReadonlySet<string> = new Set(["syntax", "escape", "check"]);
/** By escape character: the line goes on. Several of them in a row are text. */
const CONTINUED = {
  "\\": /(^|[^\\])\\[ \t]*$/,
  "`": /(^|[^`])`[ \t]*$/,
} as const;
const HEREDOC = /<<(-?)(?:(["'])([^"'\s<>|&;()]+)\2|([A-Za-z_][\w.-]*))/g;

/** The text of a Dockerfile as instructions. `invalid` with the line, in Docker's words. */
export function parseDockerfile(text: string, name = "Dockerfile"): Dockerfile {
  const lines = linesOf(text);
  if (lines.some((line) => line.length > MAX_LINE_LENGTH))
    throw new RuntimeError(
      "invalid",
      `dockerfile line greater than maximum allowed size of ${MAX_LINE_LENGTH}`,
    );
  const escapeChar = escapeCharOf(readDirectives(lines));
  const instructions: Instruction[] = [];
  for (let at = 0; at < lines.length; ) {
    const statement = joinLines(lines, at, escapeChar);
    at = statement.end;
    if (statement.text.trim() === "") continue;
    const heredocs = readHeredocs(lines, at, statement);
    at = heredocs.end;
    instructions.push(instructionOf(statement, heredocs, escapeChar));
  }
  if (instructions.length === 0)
    throw new RuntimeError("invalid", `the Dockerfile (${name}) cannot be empty`);
  return { instructions, escapeChar };
}

export function linesOf(text: string): readonly string[] {
  return text.replace(/^\uFEFF/, "").split(/\r?\n/);
}

/** Directives, by name: comments before everything else. */
export function readDirectives(lines: readonly string[]): ReadonlyMap<string, string> {
  const seen = new Map<string, string>();
  for (const [index, line] of lines.entries()) {
    const match = DIRECTIVE.exec(line.trim());
    const key = match?.[1]?.toLowerCase();
    if (key === undefined || !KNOWN_DIRECTIVES.has(key)) break;
    if (seen.has(key)) throw parseError(index + 1, `only one ${key} parser directive can be used`);
    seen.set(key, match?.[2]?.trim() ?? "");
  }
  return seen;
}

function escapeCharOf(directives: ReadonlyMap<string, string>): string {
  const escapeChar = directives.get("escape") ?? "\\";
  if (escapeChar !== "\\" && escapeChar !== "`")
    throw parseError(1, `invalid escape token '${escapeChar}' does not match \` or \\`);
  return escapeChar;
}

interface Statement {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** Index after the last of its lines. */
  readonly end: number;
}

/** A line with those that continue it; comments and empty lines in between do not count. */
function joinLines(lines: readonly string[], start: number, escapeChar: string): Statement {
  const continued = CONTINUED[escapeChar === "\\" ? "\\" : "`"];
  const isComment = (line: string) => /^\s*#/.test(line);
  const first = lines[start] ?? "";
  if (isComment(first)) return { text: "", line: start + 1, end: start + 1 };
  const pieces: string[] = [];
  let piece = first.trimStart();
  let end = start + 1;
  while (continued.test(piece) && end < lines.length) {
    pieces.push(piece.replace(continued, "$1"));
    piece = "";
    while (end < lines.length && (isComment(lines[end] ?? "") || (lines[end] ?? "").trim() === "")) end += 1;
    if (end >= lines.length) break;
    piece = lines[end] ?? "";
    end += 1;
  }
  // A continuation at the very end continues with nothing.
  pieces.push(piece.replace(continued, "$1"));
  return { text: pieces.join("").trimEnd(), line: start + 1, end };
}

interface Heredocs {
  readonly found: readonly Heredoc[];
  readonly end: number;
}

function readHeredocs(lines: readonly string[], start: number, statement: Statement): Heredocs {
  const name = statement.text.split(/\s/, 1)[0]?.toUpperCase() ?? "";
  // ONBUILD carries the instruction of a later build, heredocs included.
  const inner = name === "ONBUILD" ? (statement.text.split(/\s+/)[1]?.toUpperCase() ?? "") : name;
  if (!HAS_HEREDOCS.has(inner)) return { found: [], end: start };
  const found: Heredoc[] = [];
  let end = start;
  for (const match of unquotedHeredocs(statement.text)) {
    const word = match[3] ?? match[4] ?? "";
    const body: string[] = [];
    for (;;) {
      const line = lines[end];
      if (line === undefined) throw parseError(statement.line, `unterminated heredoc ${word}`);
      end += 1;
      const chomped = match[1] === "-" ? line.replace(/^\t+/, "") : line;
      if (chomped === word) break;
      // What a trigger keeps is read once more, with the tabs that `<<-` is about.
      body.push(name === "ONBUILD" ? line : chomped);
    }
    found.push({
      name: word,
      content: body.map((line) => `${line}\n`).join(""),
      isExpanded: match[2] === undefined,
    });
  }
  return { found, end };
}

/** `<<EOF` inside quotes is text, as is `<<<`. */
function unquotedHeredocs(text: string): readonly RegExpMatchArray[] {
  const seen = { '"': 0, "'": 0 };
  let at = 0;
  return [...text.matchAll(HEREDOC)].filter((match) => {
    for (; at < match.index; at++) {
      const character = text[at];
      if (character === "\\") at++;
      else if (character === '"' || character === "'") seen[character]++;
    }
    const isString = text[match.index - 1] === "<";
    return !isString && seen['"'] % 2 === 0 && seen["'"] % 2 === 0;
  });
}

function instructionOf(statement: Statement, heredocs: Heredocs, escapeChar: string): Instruction {
  const { text, line } = statement;
  const word = /^\S+/.exec(text)?.[0] ?? "";
  const name = word.toUpperCase();
  if (!isKnownInstruction(name)) {
    const near = nearestInstruction(name);
    const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
    throw parseError(line, `unknown instruction: ${word}${hint}`);
  }
  const rest = text.slice(word.length).trim();
  const known = FLAGS[name];
  const { flags, args } = known === undefined ? { flags: [], args: rest } : takeFlags(rest, escapeChar);
  checkFlags(line, flags, known ?? []);
  return {
    name,
    keyword: word,
    flags: flags.map(({ name, value = "" }) => ({ name, value })),
    args,
    heredocs: heredocs.found,
    text: rest === "" ? name : `${name} ${rest}`,
    line,
    endLine: Math.max(statement.end, heredocs.end),
  };
}

interface Flag {
  readonly name: string;
  readonly value?: string;
}

function checkFlags(line: number, flags: readonly Flag[], known: readonly string[]): void {
  const seen = new Set<string>();
  for (const { name, value } of flags) {
    if (!known.includes(name)) throw parseError(line, `unknown flag: --${name}`);
    if (seen.has(name) && !REPEATED_FLAGS.has(name))
      throw parseError(line, `duplicate flag specified: --${name}`);
    seen.add(name);
    if (BOOLEAN_FLAGS.has(name) ? value === "" : value === undefined)
      throw parseError(line, `missing a value on flag: --${name}`);
    if (BOOLEAN_FLAGS.has(name) && !/^(?:true|false)$/i.test(value ?? "true"))
      throw parseError(line, `expecting boolean value for flag --${name}, not: ${value}`);
  }
}

function takeFlags(text: string, escapeChar: string): { readonly flags: Flag[]; readonly args: string } {
  const flags: Flag[] = [];
  let rest = text;
  while (rest.startsWith("--")) {
    const word = rest.slice(0, endOfWord(rest, 0, escapeChar));
    rest = rest.slice(word.length).trimStart();
    if (word === "--") break;
    const plain = unquoted(word, escapeChar);
    const equals = plain.indexOf("=");
    flags.push(
      equals === -1
        ? { name: plain.slice(2) }
        : { name: plain.slice(2, equals), value: plain.slice(equals + 1) },
    );
  }
  return { flags, args: rest };
}

function unquoted(word: string, escapeChar: string): string {
  const pattern = escapeChar === "\\" ? /\\(.)|["']/g : /`(.)|["']/g;
  return word.replace(pattern, (_all, escaped?: string) => escaped ?? "");
}
