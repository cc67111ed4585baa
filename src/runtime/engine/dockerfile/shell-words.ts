import { RuntimeError } from "../../index.ts";
import { globToPattern } from "./variable-pattern.ts";

export interface WordOptions {
  /** Undefined: the variable is not set. */
  readonly variable: (name: string) => string | undefined;
  /** `\`, or the backquote of an `escape` directive. */
  readonly escape: string;
}

/**
 * One text with quotes removed, escapes and variables resolved, by the rules of a Dockerfile (a small part of
 * the shell's: https://docs.docker.com/reference/dockerfile/#environment-replacement). `invalid` on a bad form.
 */
export function expandWord(text: string, options: WordOptions): string {
  return new WordReader(text, options).read().text;
}

/** The same, split at blanks outside quotes; a variable's value is split too. */
export function expandWords(text: string, options: WordOptions): readonly string[] {
  return new WordReader(text, options).read().words;
}

interface Expanded {
  readonly text: string;
  readonly words: readonly string[];
}

class WordReader {
  readonly #text: string;
  readonly #options: WordOptions;
  #at = 0;
  #whole = "";
  #words: string[] = [];
  #word = "";
  #isInWord = false;

  constructor(text: string, options: WordOptions) {
    this.#text = text;
    this.#options = options;
  }

  read(): Expanded {
    while (this.#at < this.#text.length) {
      const character = this.#text.charAt(this.#at);
      if (character === "'") this.#add(this.#singleQuoted(), true);
      else if (character === '"') this.#add(this.#doubleQuoted(), true);
      else if (character === "$") this.#addSplit(this.#dollar());
      else if (character === this.#options.escape) this.#escaped();
      else this.#plain(character);
    }
    this.#endWord();
    return { text: this.#whole, words: this.#words };
  }

  #plain(character: string): void {
    this.#at += 1;
    if (/\s/.test(character)) {
      this.#endWord();
      this.#whole += character;
    } else {
      this.#add(character, true);
    }
  }

  #add(text: string, isWord: boolean): void {
    this.#whole += text;
    this.#word += text;
    this.#isInWord ||= isWord;
  }

  #addSplit(value: string): void {
    this.#whole += value;
    for (const [index, part] of value.split(/\s+/).entries()) {
      if (index > 0) this.#endWord();
      this.#word += part;
      this.#isInWord ||= part !== "";
    }
  }

  #endWord(): void {
    if (this.#isInWord) this.#words.push(this.#word);
    this.#word = "";
    this.#isInWord = false;
  }

  #escaped(): void {
    // An escape at the end of the text is dropped.
    const next = this.#text.charAt(this.#at + 1);
    this.#at += 2;
    this.#add(next, next !== "");
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end === -1) throw unbalanced("single");
    const inside = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return inside;
  }

  #doubleQuoted(): string {
    let inside = "";
    this.#at += 1;
    for (;;) {
      if (this.#at >= this.#text.length) throw unbalanced("double");
      const character = this.#text.charAt(this.#at);
      if (character === '"') {
        this.#at += 1;
        return inside;
      }
      if (character === "$") {
        inside += this.#dollar();
      } else if (character === this.#options.escape) {
        const next = this.#text.charAt(this.#at + 1);
        if (next === "") throw unbalanced("double");
        const isSpecial = next === '"' || next === "$" || next === this.#options.escape;
        inside += isSpecial ? next : character + next;
        this.#at += 2;
      } else {
        inside += character;
        this.#at += 1;
      }
    }
  }

  #dollar(): string {
    this.#at += 1;
    if (this.#text.charAt(this.#at) === "{") return this.#braced();
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) return "$";
    this.#at += name.length;
    return this.#options.variable(name) ?? "";
  }

  #braced(): string {
    this.#at += 1;
    const name = /^(?:[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-])/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined)
      throw new RuntimeError(
        "invalid",
        this.#text.charAt(this.#at) === "" ? "syntax error: missing '}'" : "bad substitution",
      );
    this.#at += name.length;
    const value = this.#options.variable(name);
    const operator = /^(?:\}|:[-+?]|[-+?]|##?|%%?|\/\/?)/.exec(this.#text.slice(this.#at))?.[0];
    if (operator === undefined)
      throw new RuntimeError(
        "invalid",
        this.#at >= this.#text.length
          ? "syntax error: missing '}'"
          : `unsupported modifier (${this.#text.charAt(this.#at)}) in substitution`,
      );
    this.#at += operator.length;
    if (operator === "}") return value ?? "";
    if (operator.startsWith("/")) {
      const pattern = this.#until("/");
      return replacePattern(value ?? "", pattern, this.#until("}"), operator === "//");
    }
    return substituted(name, value, operator, this.#until("}"));
  }

  /** Reads up to an unquoted stop, resolving what is inside. */
  #until(stop: string): string {
    let inside = "";
    for (;;) {
      if (this.#at >= this.#text.length) throw new RuntimeError("invalid", `syntax error: missing '${stop}'`);
      const character = this.#text.charAt(this.#at);
      if (character === stop) {
        this.#at += 1;
        return inside;
      }
      if (character === "'") inside += this.#singleQuoted();
      else if (character === '"') inside += this.#doubleQuoted();
      else if (character === "$") inside += this.#dollar();
      else if (character === this.#options.escape) {
        inside += this.#text.charAt(this.#at + 1);
        this.#at += 2;
      } else {
        inside += character;
        this.#at += 1;
      }
    }
  }
}

function substituted(name: string, value: string | undefined, operator: string, word: string): string {
  const isSet = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
  switch (operator.at(-1)) {
    case "-":
      return isSet ? (value ?? "") : word;
    case "+":
      return isSet ? word : "";
    case "?":
      if (isSet) return value ?? "";
      throw new RuntimeError("invalid", `${name}: ${word === "" ? "is not allowed to be unset" : word}`);
    case "#":
      return trimmed(value ?? "", globToPattern(word, operator === "##"), "start");
    default:
      return trimmed(value ?? "", globToPattern(word, operator === "%%"), "end");
  }
}

function trimmed(value: string, pattern: string, side: "start" | "end"): string {
  if (side === "start") return value.replace(new RegExp(`^(?:${pattern})`, "s"), "");
  // The shortest match at the end begins as late as possible.
  const isGreedy = !pattern.includes("*?");
  const starts = [...Array(value.length + 1).keys()];
  for (const start of isGreedy ? starts : starts.reverse()) {
    if (new RegExp(`^(?:${pattern})$`, "s").test(value.slice(start))) return value.slice(0, start);
  }
  return value;
}

function replacePattern(value: string, glob: string, replacement: string, isAll: boolean): string {
  if (glob === "") return value;
  return value.replace(new RegExp(globToPattern(glob, true), isAll ? "gs" : "s"), () => replacement);
}

function unbalanced(kind: string): RuntimeError {
  return new RuntimeError("invalid", `unexpected end of statement while looking for matching ${kind}-quote`);
}
