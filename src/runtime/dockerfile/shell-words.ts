import { RuntimeError } from "../index.ts";
import { VariablePattern } from "./variable-pattern.ts";

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

const NAME = /[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?$!-]/y;
const OPERATOR = /\}|:[-+?]|[-+?]|##?|%%?|\/\/?/y;
/** Of the values in one text: eight times what Linux takes as a variable; without a limit a few lines of `ENV A=$A$A` fill memory. */
const MAX_EXPANDED_LENGTH = 1 << 20;

class WordReader {
  readonly #text: string;
  readonly #options: WordOptions;
  #at = 0;
  #whole = "";
  #words: string[] = [];
  #word = "";
  #isInWord = false;
  #expandedLength = 0;

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
    const value = this.#text.charAt(this.#at) === "{" ? this.#braced() : this.#named();
    this.#expandedLength += value.length;
    if (this.#expandedLength > MAX_EXPANDED_LENGTH)
      throw new RuntimeError("invalid", `variables expand to more than ${MAX_EXPANDED_LENGTH} characters`);
    return value;
  }

  #named(): string {
    const name = this.#name();
    if (name === undefined) return "$";
    this.#at += name.length;
    return this.#options.variable(name) ?? "";
  }

  #name(): string | undefined {
    NAME.lastIndex = this.#at;
    return NAME.exec(this.#text)?.[0];
  }

  #braced(): string {
    this.#at += 1;
    const name = this.#name();
    if (name === undefined)
      throw new RuntimeError(
        "invalid",
        this.#text.charAt(this.#at) === "" ? "syntax error: missing '}'" : "bad substitution",
      );
    this.#at += name.length;
    const value = this.#options.variable(name);
    OPERATOR.lastIndex = this.#at;
    const operator = OPERATOR.exec(this.#text)?.[0];
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
      return new VariablePattern(pattern).replaced(value ?? "", this.#until("}"), operator === "//");
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
      return new VariablePattern(word).withoutStart(value ?? "", operator === "##");
    default:
      return new VariablePattern(word).withoutEnd(value ?? "", operator === "%%");
  }
}

function unbalanced(kind: string): RuntimeError {
  return new RuntimeError("invalid", `unexpected end of statement while looking for matching ${kind}-quote`);
}
