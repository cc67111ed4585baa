import { nearestOf } from "../instruction-names.ts";
import { expandWord } from "../shell-words.ts";

/** Among more names nobody is helped to find the right one. */
const MAX_NEAR = 500;

/** Resolves variables, and remembers which of them were there and which were not. */
export class Names {
  readonly known = new Set<string>();
  readonly unknown = new Set<string>();
  readonly #values: ReadonlyMap<string, string>;
  readonly #escapeChar: string;

  constructor(values: ReadonlyMap<string, string>, escapeChar: string) {
    this.#values = values;
    this.#escapeChar = escapeChar;
  }

  expand(text: string): string {
    const variable = (name: string) => {
      const value = this.#values.get(name);
      (value === undefined ? this.unknown : this.known).add(name);
      return value;
    };
    return expandWord(text, { variable, escape: this.#escapeChar });
  }

  /** ` (did you mean $NAME?)` where a name is near. */
  hint(name: string, sign: string): string {
    if (this.#values.size > MAX_NEAR) return "";
    const near = nearestOf(name, [...this.#values.keys()]);
    return near === undefined ? "" : ` (did you mean ${sign}${near}?)`;
  }
}
