/** A fault in a template, `at` the offset in it. */
export type TemplateFault =
  | { readonly kind: "format"; readonly at: number; readonly length: number }
  | { readonly kind: "required"; readonly at: number; readonly name: string; readonly message: string }
  | { readonly kind: "depth"; readonly at: number };

export interface Substitution {
  readonly value: string;
  readonly faults: readonly TemplateFault[];
}

export interface VariableReader {
  /** The value, or undefined when the variable is not set. */
  readonly lookup: (name: string) => string | undefined;
  /** A variable without a default that is not set. */
  readonly onUnset?: (name: string, at: number) => void;
}

/** Defaults within defaults go no deeper. */
const MAX_DEPTH = 100;

/**
 * `$NAME`, `${NAME}`, `${NAME:-default}`, `-`, `:+`, `+`, `:?`, `?` and `$$`, as compose-go 2.9.1 has them: a braced
 * expression ends where its braces balance, but must close on its own line; defaults are evaluated even when they
 * are not used; values are not scanned again. One pass, no backtracking.
 */
export function substitute(template: string, variables: VariableReader): Substitution {
  if (!template.includes("$")) return { value: template, faults: [] };
  const run = new Run(variables);
  return { value: run.substitute(template, 0, 0), faults: run.faults };
}

/** Of one text no more is said. */
const MAX_FAULTS = 20;

class Run {
  readonly faults: TemplateFault[] = [];
  #unset = 0;
  readonly #variables: VariableReader;

  constructor(variables: VariableReader) {
    this.#variables = variables;
  }

  /** `offset` is where `template` begins in the whole text. */
  substitute(template: string, offset: number, depth: number): string {
    const lines = new LineEnds(template);
    let out = "";
    let at = 0;
    for (;;) {
      const dollar = template.indexOf("$", at);
      if (dollar < 0) return out + template.slice(at);
      out += template.slice(at, dollar);
      const next = template.charCodeAt(dollar + 1);
      if (next === DOLLAR) {
        out += "$";
        at = dollar + 2;
      } else if (next === OPEN) {
        const braced = readBraced(template, dollar, lines);
        if (braced === undefined) {
          const end = faultEnd(template, dollar);
          this.#report({ kind: "format", at: offset + dollar, length: end - dollar });
          at = end;
        } else {
          out += this.#braced(braced, offset, depth);
          at = braced.end;
        }
      } else {
        const end = nameEnd(template, dollar + 1);
        if (end > dollar + 1) out += this.#plain(template.slice(dollar + 1, end), offset + dollar);
        else out += "$";
        at = Math.max(end, dollar + 1);
      }
    }
  }

  #report(fault: TemplateFault): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push(fault);
  }

  #plain(name: string, at: number): string {
    const value = this.#variables.lookup(name);
    if (value === undefined && this.#unset < MAX_FAULTS) {
      this.#unset += 1;
      this.#variables.onUnset?.(name, at);
    }
    return value ?? "";
  }

  #braced({ name, operator, operand, operandAt, start }: Braced, offset: number, depth: number): string {
    if (operator === "") return this.#plain(name, offset + start);
    if (depth >= MAX_DEPTH) {
      this.#report({ kind: "depth", at: offset + start });
      return "";
    }
    const argument = this.substitute(operand, offset + operandAt, depth + 1);
    const value = this.#variables.lookup(name);
    const isThere = value !== undefined && !(operator.startsWith(":") && value === "");
    if (operator.endsWith("+")) return isThere ? argument : (value ?? "");
    if (isThere) return value;
    if (operator.endsWith("-")) return argument;
    this.#report({ kind: "required", at: offset + start, name, message: argument });
    return "";
  }
}

/** Up to the brace that closes, or the end of the word. The scan goes on within, so that it stays linear. */
function faultEnd(template: string, start: number): number {
  const match = /^\$\{[^}\s]{0,80}\}?/.exec(template.slice(start, start + 90));
  return start + (match?.[0].length ?? 2);
}

interface Braced {
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** Empty, or one of `:-` `-` `:+` `+` `:?` `?`. */
  readonly operator: string;
  readonly operand: string;
  readonly operandAt: number;
}

const DOLLAR = 0x24;
const OPEN = 0x7b;
const CLOSE = 0x7d;

function readBraced(template: string, start: number, lines: LineEnds): Braced | undefined {
  const nameStart = start + 2;
  const afterName = nameEnd(template, nameStart);
  if (afterName === nameStart) return undefined;
  const name = template.slice(nameStart, afterName);
  if (template.charCodeAt(afterName) === CLOSE) {
    return { start, end: afterName + 1, name, operator: "", operand: "", operandAt: afterName };
  }
  const operator = /^:?[-+?]/.exec(template.slice(afterName, afterName + 2))?.[0];
  if (operator === undefined) return undefined;
  const operandAt = afterName + operator.length;
  const last = lines.lastBraceAfter(operandAt);
  if (last === undefined) return undefined;
  const close = balancedClose(template, start, last) ?? last;
  return { start, end: close + 1, name, operator, operand: template.slice(operandAt, close), operandAt };
}

/** Where the braces opened from `start` on balance, not after `last`. A brace hides the character after it. */
function balancedClose(template: string, start: number, last: number): number | undefined {
  let open = 0;
  for (let at = start; at <= last; at += 1) {
    const code = template.charCodeAt(at);
    if (code === CLOSE) {
      open -= 1;
      if (open === 0) return at;
    } else if (code === OPEN) {
      open += 1;
      at += 1;
    }
  }
  return undefined;
}

function nameEnd(template: string, start: number): number {
  let at = start;
  for (; at < template.length; at += 1) {
    const code = template.charCodeAt(at);
    const letter = (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || code === 0x5f;
    if (!letter && !(at > start && code >= 0x30 && code <= 0x39)) break;
  }
  return at;
}

/** The last `}` of each line, looked up once a line. */
class LineEnds {
  readonly #template: string;
  #lineEnd = -1;
  #brace = -1;

  constructor(template: string) {
    this.#template = template;
  }

  lastBraceAfter(at: number): number | undefined {
    if (at > this.#lineEnd) {
      const newline = this.#template.indexOf("\n", at);
      this.#lineEnd = newline < 0 ? this.#template.length : newline;
      this.#brace = this.#template.lastIndexOf("}", this.#lineEnd);
    }
    return this.#brace >= at ? this.#brace : undefined;
  }
}

export interface VariableMention {
  readonly name: string;
  readonly default: string;
  readonly alternate: string;
  readonly required: boolean;
}

/** Every variable that a template names, defaults included, in the order in which they stand. */
export function variablesIn(template: string): readonly VariableMention[] {
  const found: VariableMention[] = [];
  collectVariables(template, found, 0);
  return found;
}

function collectVariables(template: string, found: VariableMention[], depth: number): void {
  const lines = new LineEnds(template);
  for (let at = template.indexOf("$"); at >= 0 && depth <= MAX_DEPTH; at = template.indexOf("$", at)) {
    const next = template.charCodeAt(at + 1);
    if (next === DOLLAR) at += 2;
    else if (next === OPEN) {
      const braced = readBraced(template, at, lines);
      if (braced === undefined) at += 2;
      else {
        const { name, operator, operand, end } = braced;
        found.push({
          name,
          default: operator.endsWith("-") ? operand : "",
          alternate: operator.endsWith("+") ? operand : "",
          required: operator.endsWith("?"),
        });
        if (!operator.endsWith("?")) collectVariables(operand, found, depth + 1);
        at = end;
      }
    } else {
      const end = nameEnd(template, at + 1);
      if (end > at + 1) {
        found.push({ name: template.slice(at + 1, end), default: "", alternate: "", required: false });
      }
      at = end;
    }
  }
}
