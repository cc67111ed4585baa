import type { SourceText } from "./source-text.ts";
import { type Entry, List, Mapping, type Node, type Origin, Scalar } from "./source-tree.ts";
import { CODE, NotPlain, quotedAt, scalarOf, skipSpaces } from "./yaml-tokens.ts";

interface Parsed {
  readonly node: Node;
  readonly end: number;
}

const MAX_DEPTH = 20;

/** `[a, "b"]` and `{a: b}` on one line, of scalars and of each other. */
export class FlowParser {
  readonly #source: SourceText;
  readonly #text: string;

  constructor(source: SourceText) {
    this.#source = source;
    this.#text = source.text;
  }

  parse(start: number, depth = 0): Parsed {
    if (depth > MAX_DEPTH) throw new NotPlain();
    return this.#text.charCodeAt(start) === CODE.bracket ? this.#list(start, depth) : this.#map(start, depth);
  }

  #list(start: number, depth: number): Parsed {
    const items: Node[] = [];
    let at = skipSpaces(this.#text, start + 1);
    if (this.#text.charCodeAt(at) === CODE.closingBracket)
      return this.#done(new List(items, this.#origin(start, at + 1)));
    for (;;) {
      const { node, end } = this.#value(at, depth);
      items.push(node);
      at = skipSpaces(this.#text, end);
      const code = this.#text.charCodeAt(at);
      if (code === CODE.closingBracket) return this.#done(new List(items, this.#origin(start, at + 1)));
      if (code !== CODE.comma) throw new NotPlain();
      at = skipSpaces(this.#text, at + 1);
    }
  }

  #map(start: number, depth: number): Parsed {
    const entries = new Map<string, Entry>();
    let at = skipSpaces(this.#text, start + 1);
    if (this.#text.charCodeAt(at) === CODE.closingBrace) {
      return this.#done(new Mapping(entries, this.#origin(start, at + 1)));
    }
    for (;;) {
      const key = this.#scalar(at);
      const name = key.node;
      const colon = key.end;
      const isKey =
        this.#text.charCodeAt(colon) === CODE.colon && this.#text.charCodeAt(colon + 1) === CODE.space;
      if (!isKey || name.type !== "string" || name.value === "<<" || entries.has(String(name.value)))
        throw new NotPlain();
      const { node, end } = this.#value(skipSpaces(this.#text, colon + 1), depth);
      entries.set(String(name.value), { key: name.origin, value: node });
      at = skipSpaces(this.#text, end);
      const code = this.#text.charCodeAt(at);
      if (code === CODE.closingBrace) return this.#done(new Mapping(entries, this.#origin(start, at + 1)));
      if (code !== CODE.comma) throw new NotPlain();
      at = skipSpaces(this.#text, at + 1);
    }
  }

  #value(at: number, depth: number): Parsed {
    const code = this.#text.charCodeAt(at);
    if (code === CODE.bracket || code === CODE.brace) return this.parse(at, depth + 1);
    const scalar = this.#scalar(at);
    // `[a: b]` is a mapping in a list.
    if (this.#text.charCodeAt(scalar.end) === CODE.colon) throw new NotPlain();
    return scalar;
  }

  #scalar(at: number): { readonly node: Scalar; readonly end: number } {
    const code = this.#text.charCodeAt(at);
    if (code === CODE.doubleQuote || code === CODE.singleQuote) {
      const { value, end } = quotedAt(this.#text, at);
      return { node: new Scalar(value, "string", this.#origin(at, end)), end };
    }
    PLAIN.lastIndex = at;
    const match = PLAIN.exec(this.#text);
    if (match === null) throw new NotPlain();
    const value = match[0];
    const resolved = scalarOf(value);
    const end = at + value.length;
    return { node: new Scalar(resolved.value, resolved.type, this.#origin(at, end)), end };
  }

  #done(node: List | Mapping): Parsed {
    return { node, end: node.origin.end };
  }

  #origin(start: number, end: number): Origin {
    return { source: this.#source, start, end };
  }
}

/** Text without indicators at its start, blanks only within, and no colon before a blank or a bracket. */
const PLAIN =
  /(?:[^\s,[\]{}#&*!|>'"%@`?:-]|-(?=[^\s,[\]{}]))(?:[^\s,[\]{}:#]|:(?=[^\s,[\]{}])|(?<! )#| +(?=[^\s,[\]{}#:]))*/y;
