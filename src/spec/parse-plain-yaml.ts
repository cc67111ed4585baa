import { FlowParser } from "./parse-flow-yaml.ts";
import type { SourceText } from "./source-text.ts";
import { type Entry, List, Mapping, type Node, type Origin, Scalar } from "./source-tree.ts";
import { CODE, NotPlain, quotedAt, scalarOf, skipSpaces } from "./yaml-tokens.ts";

/**
 * A YAML text that needs little of YAML: one document of block mappings and lists, scalars on one line, flow
 * collections on one line, literal blocks. Undefined for all else, faults included; a test holds it against the
 * whole parser, origins and all.
 */
export function parsePlainYaml(source: SourceText): Node | undefined {
  if (UNUSUAL.test(source.text)) return undefined;
  try {
    return new BlockParser(source).parse();
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for.
const UNUSUAL = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/;
const MAX_DEPTH = 60;
/** Larger trees are left to the whole parser, which counts more exactly. */
const MAX_SIZE = 1_000_000;

class BlockParser {
  readonly #source: SourceText;
  readonly #text: string;
  readonly #flow: FlowParser;
  /** Start of the current line that has content, its indentation, and where the content begins. */
  #lineStart = 0;
  #indent = 0;
  #depth = 0;
  /** Nodes so far, those of aliases counted each time. */
  #size = 0;
  readonly #anchors = new Map<string, Anchored>();

  constructor(source: SourceText) {
    this.#source = source;
    this.#text = source.text;
    this.#flow = new FlowParser(source);
  }

  parse(): Node {
    this.#toContent(0);
    if (this.#isEnd) throw new NotPlain();
    if (/^---[ ]*(?:\n|$)/.test(this.#text.slice(this.#lineStart, this.#lineStart + 200))) this.#nextLine();
    if (this.#isEnd || this.#indent !== 0) throw new NotPlain();
    const root = this.#block(0);
    if (!this.#isEnd) throw new NotPlain();
    return root;
  }

  get #isEnd(): boolean {
    return this.#lineStart >= this.#text.length;
  }

  get #content(): number {
    return this.#lineStart + this.#indent;
  }

  #nextLine(): void {
    const newline = this.#text.indexOf("\n", this.#lineStart);
    this.#toContent(newline < 0 ? this.#text.length : newline + 1);
  }

  /** Moves to the first line at or after `at`, a line's start, that is neither blank nor a comment. */
  #toContent(at: number): void {
    const text = this.#text;
    let start = at;
    while (start < text.length) {
      const content = skipSpaces(text, start);
      const code = text.charCodeAt(content);
      if (code !== CODE.newline && code !== CODE.hash && content < text.length) {
        this.#lineStart = start;
        this.#indent = content - start;
        if (this.#indent === 0) this.#refuseMarkers(code, start);
        return;
      }
      const newline = text.indexOf("\n", content);
      start = newline < 0 ? text.length : newline + 1;
    }
    this.#lineStart = text.length;
    this.#indent = -1;
  }

  #refuseMarkers(code: number, start: number): void {
    if (code === CODE.percent) throw new NotPlain();
    if (start > 0 && (code === CODE.dash || code === CODE.dot)) {
      const marker = this.#text.slice(start, start + 3);
      if (
        (marker === "---" && this.#text.slice(0, start).trim() !== "" && !this.#isFirst(start)) ||
        marker === "..."
      )
        throw new NotPlain();
    }
  }

  /** Only comments come before. */
  #isFirst(start: number): boolean {
    return this.#text
      .slice(0, start)
      .split("\n")
      .every((line) => /^\s*(?:#|$)/.test(line));
  }

  #block(indent: number): Node {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new NotPlain();
    const node = this.#isItem(this.#content) ? this.#list(indent) : this.#map(indent, this.#content);
    this.#depth -= 1;
    return node;
  }

  #isItem(at: number): boolean {
    const next = this.#text.charCodeAt(at + 1);
    return (
      this.#text.charCodeAt(at) === CODE.dash &&
      (next === CODE.space || next === CODE.newline || at + 1 >= this.#text.length)
    );
  }

  /** A mapping whose keys stand in column `indent`, the first of them at `first`. */
  #map(indent: number, first: number): Mapping {
    const entries = new Map<string, Entry>();
    let merged: Node | undefined;
    let at = first;
    let end = first;
    for (;;) {
      const key = this.#key(at);
      if (entries.has(key.name)) throw new NotPlain();
      const value = this.#value(key.next, indent, true);
      end = value.origin.end;
      if (key.isMerge) {
        if (merged !== undefined) throw new NotPlain();
        merged = value;
      } else entries.set(key.name, { key: key.origin, value });
      if (this.#isEnd || this.#indent < indent) break;
      if (this.#indent > indent || this.#isItem(this.#content)) throw new NotPlain();
      at = this.#content;
    }
    if (merged !== undefined) mergeInto(entries, merged);
    return new Mapping(entries, this.#origin(first, end));
  }

  #list(indent: number): List {
    const start = this.#content;
    const items: Node[] = [];
    let end = start;
    while (!this.#isEnd && this.#indent === indent && this.#isItem(this.#content)) {
      const item = this.#item(this.#content + 1, indent);
      items.push(item);
      end = item.origin.end;
    }
    if (!this.#isEnd && this.#indent > indent) throw new NotPlain();
    return new List(items, this.#origin(start, end));
  }

  #item(afterDash: number, indent: number): Node {
    const at = skipSpaces(this.#text, afterDash);
    const code = this.#text.charCodeAt(at);
    if (code === CODE.newline || at >= this.#text.length || code === CODE.hash)
      return this.#value(afterDash, indent, false);
    if (this.#isItem(at)) throw new NotPlain();
    if (!this.#isKey(at, code)) return this.#value(afterDash, indent, false);
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new NotPlain();
    const map = this.#map(at - this.#lineStart, at);
    this.#depth -= 1;
    return map;
  }

  /** Whether a `key: value` begins at `at`. */
  #isKey(at: number, code: number): boolean {
    const text = this.#text;
    if (code === CODE.doubleQuote || code === CODE.singleQuote) {
      return text.charCodeAt(quotedAt(text, at).end) === CODE.colon;
    }
    if (code === CODE.bracket || code === CODE.brace) return false;
    const newline = text.indexOf("\n", at);
    const end = newline < 0 ? text.length : newline;
    for (let colon = text.indexOf(":", at); colon >= 0 && colon < end; colon = text.indexOf(":", colon + 1)) {
      const next = text.charCodeAt(colon + 1);
      if (next !== CODE.space && next !== CODE.newline && colon + 1 < text.length) continue;
      return !text.slice(at, colon).includes(" #");
    }
    return false;
  }

  #key(at: number): Key {
    const text = this.#text;
    const code = text.charCodeAt(at);
    if (code === CODE.doubleQuote || code === CODE.singleQuote) {
      const { value, end } = quotedAt(text, at);
      this.#expectColon(end);
      return { name: value, origin: this.#origin(at, end), next: end + 1, isMerge: false };
    }
    if (!isPlainStart(code)) throw new NotPlain();
    let end = at;
    for (;;) {
      end = text.indexOf(":", end);
      if (end < 0) throw new NotPlain();
      const next = text.charCodeAt(end + 1);
      if (next === CODE.space || next === CODE.newline || end + 1 >= text.length) break;
      end += 1;
    }
    const name = text.slice(at, end);
    if (name.includes("\n") || name.includes(" #") || name.endsWith(" ")) throw new NotPlain();
    if (scalarOf(name).type !== "string") throw new NotPlain();
    return { name, origin: this.#origin(at, end), next: end + 1, isMerge: name === "<<" };
  }

  #expectColon(at: number): void {
    const next = this.#text.charCodeAt(at + 1);
    const isEnd = next === CODE.space || next === CODE.newline || at + 1 >= this.#text.length;
    if (this.#text.charCodeAt(at) !== CODE.colon || !isEnd) throw new NotPlain();
  }

  /** What stands after a colon or dash, on this line or below. Afterwards the current line is the next with content. */
  #value(after: number, indent: number, isInMap: boolean): Node {
    const text = this.#text;
    const at = skipSpaces(text, after);
    const code = text.charCodeAt(at);
    this.#size += 1;
    if (this.#size > MAX_SIZE) throw new NotPlain();
    if (at >= text.length || code === CODE.newline || (code === CODE.hash && at > after)) {
      return this.#below(after, indent, isInMap);
    }
    if (code === CODE.ampersand) return this.#anchored(at, indent, isInMap);
    if (code === CODE.asterisk) return this.#alias(at, indent);
    if (code === CODE.doubleQuote || code === CODE.singleQuote) {
      const { value, end } = quotedAt(text, at);
      this.#endLine(end, indent);
      return new Scalar(value, "string", this.#origin(at, end));
    }
    if (code === CODE.bracket || code === CODE.brace) {
      const { node, end } = this.#flow.parse(at);
      this.#endLine(end, indent);
      return node;
    }
    if (code === CODE.pipe) return this.#literal(at, indent);
    return this.#plain(at, code, indent);
  }

  /** `&name`, then the value, here or below. */
  #anchored(at: number, indent: number, isInMap: boolean): Node {
    const name = this.#anchorName(at);
    const after = at + 1 + name.length;
    const next = this.#text.charCodeAt(skipSpaces(this.#text, after));
    if (next === CODE.ampersand || next === CODE.asterisk) throw new NotPlain();
    const before = this.#size;
    const value = this.#value(after, indent, isInMap);
    // Where nothing follows, the parsers differ in where that nothing stands.
    if (value.kind === "scalar" && value.type === "null") throw new NotPlain();
    this.#anchors.set(name, { node: value, size: this.#size - before });
    return value;
  }

  #alias(at: number, indent: number): Node {
    const name = this.#anchorName(at);
    const anchored = this.#anchors.get(name);
    if (anchored === undefined) throw new NotPlain();
    this.#size += anchored.size;
    this.#endLine(at + 1 + name.length, indent);
    return anchored.node;
  }

  #anchorName(at: number): string {
    const name = /^[A-Za-z0-9_.-]+(?=[ \n]|$)/.exec(this.#text.slice(at + 1, at + 101))?.[0];
    if (name === undefined || name.length >= 99) throw new NotPlain();
    return name;
  }

  #below(after: number, indent: number, isInMap: boolean): Node {
    this.#nextLine();
    if (!this.#isEnd) {
      if (this.#indent > indent) return this.#block(this.#indent);
      if (isInMap && this.#indent === indent && this.#isItem(this.#content)) return this.#block(indent);
    }
    return new Scalar(null, "null", this.#origin(after, after));
  }

  #plain(at: number, code: number, indent: number): Node {
    const text = this.#text;
    const next = text.charCodeAt(at + 1);
    const isDash = code === CODE.dash && next > CODE.space;
    if (!isPlainStart(code) && !isDash) throw new NotPlain();
    const newline = text.indexOf("\n", at);
    const lineEnd = newline < 0 ? text.length : newline;
    let line = text.slice(at, lineEnd);
    const comment = line.indexOf(" #");
    if (comment >= 0) line = line.slice(0, comment);
    const value = line.trimEnd();
    if (value.includes(": ") || value.endsWith(":")) throw new NotPlain();
    this.#endLine(lineEnd, indent);
    const resolved = scalarOf(value);
    return new Scalar(resolved.value, resolved.type, this.#origin(at, at + value.length));
  }

  /** After a value there is only a comment, and the next line is no deeper. */
  #endLine(end: number, indent: number): void {
    const at = skipSpaces(this.#text, end);
    const code = this.#text.charCodeAt(at);
    const isComment = code === CODE.hash && at > end;
    if (at < this.#text.length && code !== CODE.newline && !isComment) throw new NotPlain();
    this.#nextLine();
    if (!this.#isEnd && this.#indent > indent) throw new NotPlain();
  }

  /** `|`, `|-` and `|+`. */
  #literal(at: number, indent: number): Node {
    const text = this.#text;
    const header = /^\|([-+]?) *\n/.exec(text.slice(at, at + 100));
    if (header === null) throw new NotPlain();
    const lines: string[] = [];
    let width = -1;
    let end = at + header[0].length;
    while (end < text.length) {
      const newline = text.indexOf("\n", end);
      // A last line without a newline has rules of its own.
      if (newline < 0) throw new NotPlain();
      const content = skipSpaces(text, end);
      const isBlank = content === newline;
      if (width < 0) {
        if (isBlank && content > end) throw new NotPlain();
        if (!isBlank) width = content - end;
      }
      if (!isBlank && (content - end < width || width <= indent)) break;
      lines.push(text.slice(Math.min(end + Math.max(width, 0), newline), newline));
      end = newline + 1;
    }
    if (width <= indent) throw new NotPlain();
    this.#toContent(end);
    if (!this.#isEnd && this.#indent > indent) throw new NotPlain();
    return new Scalar(chomp(`${lines.join("\n")}\n`, header[1] ?? ""), "string", this.#origin(at, end));
  }

  #origin(start: number, end: number): Origin {
    return { source: this.#source, start, end };
  }
}

function chomp(value: string, mode: string): string {
  if (mode === "+") return value;
  const content = value.replace(/\n+$/, "");
  return mode === "-" || content === "" ? content : `${content}\n`;
}

interface Key {
  readonly name: string;
  readonly origin: Origin;
  readonly next: number;
  /** `<<`: the value's keys are taken in. */
  readonly isMerge: boolean;
}

interface Anchored {
  readonly node: Node;
  readonly size: number;
}

function mergeInto(entries: Map<string, Entry>, merged: Node): void {
  const sources = merged.kind === "list" ? merged.items : [merged];
  for (const source of sources) {
    if (source.kind !== "map") throw new NotPlain();
    for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
  }
}

/** None of the characters that mean something where a value begins. */
function isPlainStart(code: number): boolean {
  return !INDICATORS.has(code) && code > CODE.space;
}

const INDICATORS = new Set([..."-?:,[]{}#&*!|>'\"%@`"].map((character) => character.charCodeAt(0)));
