import { type Document, isCollection, isScalar, type ParsedNode, visit } from "yaml";

/** One fault of YAML's own, in words, and what of the text it made unreadable. */
export interface Repair {
  readonly rule: string;
  readonly message: string;
  readonly start: number;
  readonly end: number;
  readonly hint?: string;
  /** The text with the unreadable part replaced by as many harmless characters, so that all else keeps its place. */
  readonly text: string;
  readonly lost: Lost;
}

/** A value that is there but unknown, or a line whose key is all that is known. */
export interface Lost {
  readonly kind: "value" | "line";
  readonly start: number;
  readonly end: number;
}

interface SyntaxError {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

type Explained = Pick<Repair, "rule" | "message" | "start" | "end" | "hint"> & { readonly cut: Lost };

/**
 * Explains the first syntax error of a text and makes a text without it, so that the next parse finds what else is wrong.
 * Undefined when it cannot be taken out.
 */
export function repairFirst(text: string, documents: readonly Document[]): Repair | undefined {
  const errors = documents
    .flatMap((document) => document.errors)
    .map(({ code, message, pos }): SyntaxError => ({ code, message, pos }))
    .sort((a, b) => a.pos[0] - b.pos[0]);
  const first = errors[0];
  if (first === undefined) return undefined;
  const line = new Line(text, first.pos[0]);
  const explained = explain(first, line, text, documents);
  const { cut, ...said } = explained;
  const cutText = text.slice(cut.start, cut.end);
  const filler = cut.kind === "line" ? cutText.replaceAll(/[^\n]/g, " ") : fill(cutText);
  if (filler === cutText) return undefined;
  return { ...said, text: text.slice(0, cut.start) + filler + text.slice(cut.end), lost: cut };
}

/** The first line as one plain word, the others blank. */
function fill(text: string): string {
  const newline = text.indexOf("\n");
  const first = newline < 0 ? text : text.slice(0, newline);
  const rest = newline < 0 ? "" : text.slice(newline).replaceAll(/[^\n]/g, " ");
  return first.replaceAll(/./gu, (character) => "x".repeat(character.length)) + rest;
}

/** The line around an offset. */
class Line {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  readonly indent: number;

  constructor(text: string, offset: number) {
    this.start = text.lastIndexOf("\n", Math.max(offset - 1, 0)) + 1;
    if (text[offset - 1] !== "\n" && offset === 0) this.start = 0;
    const newline = text.indexOf("\n", this.start);
    this.end = newline < 0 ? text.length : newline;
    this.text = text.slice(this.start, this.end);
    this.indent = this.text.length - this.text.trimStart().length;
  }

  /** Offset of the first character that is no blank. */
  get content(): number {
    return this.start + this.indent;
  }

  get isBlank(): boolean {
    return this.text.trim() === "";
  }

  next(text: string): Line | undefined {
    return this.end >= text.length ? undefined : new Line(text, this.end + 1);
  }
}

function explain(error: SyntaxError, line: Line, text: string, documents: readonly Document[]): Explained {
  const tab = line.text.search(/\t/);
  if (error.code === "TAB_AS_INDENT" || (tab >= 0 && tab < line.indent)) {
    const at = tab >= 0 && tab < line.indent ? line.start + tab : error.pos[0];
    return {
      rule: "tab",
      message: "A tab cannot indent",
      start: at,
      end: at + 1,
      hint: "use spaces",
      cut: whole(line),
    };
  }
  if (error.message.startsWith("Missing closing")) return openQuote(error, text, documents);
  if (/must be sufficiently indented and end with|and end with a [\]}]/.test(error.message)) {
    const open = openBracket(error, text, documents);
    if (open !== undefined) return open;
  }
  switch (error.code) {
    case "BLOCK_AS_IMPLICIT_KEY":
      return nestedMapping(error, line, text);
    case "MULTILINE_IMPLICIT_KEY":
      return noKey(line, text);
    case "BAD_INDENT":
      return badIndent(line, text);
    case "BAD_SCALAR_START":
      return reserved(error, line);
    case "BAD_DQ_ESCAPE":
      return badEscape(error, line, text);
    default:
      return other(error, line, text);
  }
}

function whole(line: Line): Lost {
  return { kind: "line", start: line.start, end: line.end };
}

function openQuote(error: SyntaxError, text: string, documents: readonly Document[]): Explained {
  const quote = error.message.at("Missing closing ".length) ?? '"';
  let start = text.lastIndexOf(quote, text.length - 1);
  for (const document of documents) {
    visit(document as Document<ParsedNode>, (_key, node) => {
      if (!isScalar(node) || !node.range || text[node.range[0]] !== quote) return;
      if (node.range[1] >= text.trimEnd().length) start = node.range[0];
    });
  }
  const line = new Line(text, start);
  return {
    rule: "quote",
    message: `This ${quote} is never closed`,
    start,
    end: start + 1,
    cut: { kind: "value", start, end: line.end },
  };
}

function openBracket(
  error: SyntaxError,
  text: string,
  documents: readonly Document[],
): Explained | undefined {
  let start = -1;
  for (const document of documents) {
    visit(document as Document<ParsedNode>, (_key, node) => {
      if (!isCollection(node) || !node.flow || !node.range || node.range[0] >= error.pos[0]) return;
      if (bracketEnd(text, node.range[0], node.range[1]).isOpen) start = Math.max(start, node.range[0]);
    });
  }
  if (start < 0) return undefined;
  const line = new Line(text, start);
  const foreign = bracketEnd(text, start, line.end);
  let end = foreign.end;
  for (
    let next = end < line.end ? undefined : line.next(text);
    next !== undefined && end < error.pos[0];
    next = next.next(text)
  ) {
    if (!next.isBlank && next.indent <= line.indent) break;
    end = next.end;
  }
  return {
    rule: "bracket",
    message: `This ${text[start]} is never closed`,
    start,
    end: start + 1,
    cut: { kind: "value", start, end },
  };
}

/** Where the bracket at `start` ends; where it does not, the end is at a bracket that closes another, or at `limit`. */
function bracketEnd(
  text: string,
  start: number,
  limit: number,
): { readonly end: number; readonly isOpen: boolean } {
  const open: string[] = [];
  let quote = "";
  for (let at = start; at < limit; at += 1) {
    const character = text[at] ?? "";
    if (quote !== "") {
      if (character === quote) quote = "";
      else if (character === "\\" && quote === '"') at += 1;
    } else if ((character === '"' || character === "'") && /[\s,[{:]/.test(text[at - 1] ?? " "))
      quote = character;
    else if (character === "[" || character === "{") open.push(character === "[" ? "]" : "}");
    else if (character === "]" || character === "}") {
      if (open.at(-1) !== character) return { end: at, isOpen: true };
      open.pop();
      if (open.length === 0) return { end: at + 1, isOpen: false };
    }
  }
  return { end: limit, isOpen: true };
}

/** A second `: ` on a line, or a line that is deeper than the one before allows. */
function nestedMapping(error: SyntaxError, line: Line, text: string): Explained {
  const value = text.slice(error.pos[0], line.end);
  if (/:(?:\s|$)/.test(value)) {
    return {
      rule: "colon",
      message: 'The value holds ": ", which would make it a mapping',
      start: error.pos[0],
      end: error.pos[0] + value.trimEnd().length,
      hint: "quote it",
      cut: { kind: "value", start: error.pos[0], end: line.end },
    };
  }
  const next = nextLine(line, text);
  if (next === undefined) return other(error, line, text);
  return {
    rule: "indent",
    message: "This line is indented deeper than the one before allows",
    start: next.content,
    end: next.end,
    hint: `indent it by ${line.indent}, as the line before`,
    cut: withDeeper(next, text),
  };
}

function nextLine(line: Line, text: string): Line | undefined {
  for (let next = line.next(text); next !== undefined; next = next.next(text)) if (!next.isBlank) return next;
  return undefined;
}

/** A line and those below it that are deeper. */
function withDeeper(line: Line, text: string): Lost {
  let end = line.end;
  for (let next = line.next(text); next !== undefined; next = next.next(text)) {
    if (!next.isBlank && next.indent <= line.indent) break;
    end = next.end;
  }
  return { kind: "line", start: line.start, end };
}

function noKey(line: Line, text: string): Explained {
  const content = line.text.trim().replace(/^- +/, "");
  const [word = ""] = content.split(/[\s:]/);
  const hasColon = /^[\w.-]+:\S/.test(content);
  const place = { start: line.content, end: line.start + line.text.trimEnd().length };
  if (hasColon) {
    const colon = line.start + line.text.indexOf(":");
    const value = content.slice(content.indexOf(":") + 1);
    return {
      rule: "colon",
      message: `There is no space after the colon of "${word}"`,
      start: colon,
      end: colon + 1,
      hint: `write "${word}: ${value}"`,
      cut: withDeeper(line, text),
    };
  }
  const rest = content.slice(word.length).trim();
  return {
    rule: "colon",
    message: `There is no colon after "${word}"`,
    ...place,
    hint: rest === "" ? `write "${word}:"` : `write "${word}: ${rest}"`,
    cut: withDeeper(line, text),
  };
}

function badIndent(line: Line, text: string): Explained {
  return {
    rule: "indent",
    message: `This line is indented by ${line.indent}, which fits nothing above it`,
    start: line.content,
    end: line.start + line.text.trimEnd().length,
    cut: withDeeper(line, text),
  };
}

function reserved(error: SyntaxError, line: Line): Explained {
  const at = error.pos[0];
  const character = line.text[at - line.start] ?? "";
  return {
    rule: "reserved-character",
    message: `A value cannot begin with ${character}`,
    start: at,
    end: at + 1,
    hint: "quote the value",
    cut: { kind: "value", start: at, end: valueEnd(line, at) },
  };
}

function badEscape(error: SyntaxError, line: Line, text: string): Explained {
  const [start, end] = error.pos;
  const value = valueStart(line);
  return {
    rule: "escape",
    message: `${text.slice(start, Math.max(end, start + 2))} is no escape between double quotes`,
    start,
    end: Math.max(end, start + 2),
    hint: "use single quotes, or two backslashes",
    cut: value === undefined ? whole(line) : { kind: "value", start: value, end: line.end },
  };
}

function other(error: SyntaxError, line: Line, text: string): Explained {
  const [start, end] = error.pos;
  const isAfterQuote =
    /scalar at node end/.test(error.message) && /["']/.test(line.text.slice(0, start - line.start));
  const value = valueStart(line);
  const hasValue = value !== undefined && value < line.end && !/^x+$/.test(text.slice(value, line.end));
  return {
    rule: "syntax",
    message: isAfterQuote ? "There is text after the closing quote" : error.message,
    start,
    end: Math.max(start, Math.min(end, line.end)),
    ...(isAfterQuote && { hint: "within single quotes write '' for a quote, within double quotes \\\"" }),
    cut: hasValue ? { kind: "value", start: value, end: line.end } : whole(line),
  };
}

/** Where a line's value begins, after `key: ` or `- `. */
function valueStart(line: Line): number | undefined {
  const match = /^\s*(?:- +)?(?:[^\s"'#][^#"']*?: +|"[^"]*": +|'[^']*': +)?/.exec(line.text);
  const length = match?.[0].length ?? 0;
  return length > line.indent ? line.start + length : undefined;
}

/** Where a value ends that begins at `at`: within brackets at the next comma or bracket. */
function valueEnd(line: Line, at: number): number {
  const before = line.text.slice(0, at - line.start);
  if (!/[[{]/.test(before)) return line.end;
  const end = line.text.slice(at - line.start).search(/[,\]}]/);
  return end < 0 ? line.end : at + end;
}
