import { invalid } from "./reply.ts";

const DEFAULT_KEYS = "ctrl-p,ctrl-q";
const CTRL_SYMBOLS: Readonly<Record<string, number>> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/** `ctrl-p,ctrl-q` or `a,b` as bytes; the default when nothing is said. */
export function parseDetachKeys(text: string | undefined): readonly number[] {
  return (text || DEFAULT_KEYS).split(",").map((key) => {
    if (key.length === 1) return key.charCodeAt(0);
    const letter = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1]?.toLowerCase();
    if (letter === undefined) throw invalid(`Invalid escape keys (${text}) provided`);
    return CTRL_SYMBOLS[letter] ?? letter.charCodeAt(0) - 96;
  });
}

/**
 * Looks for the detach keys in what is typed. The keys themselves are never passed on; a beginning that
 * turns out to be none is, with the byte that showed it.
 */
export class DetachScanner {
  readonly #keys: readonly number[];
  #matched = 0;

  constructor(keys: readonly number[]) {
    this.#keys = keys;
  }

  push(typed: Uint8Array): { readonly forward: Uint8Array; readonly isDetached: boolean } {
    const forward: number[] = [];
    for (const byte of typed) {
      if (byte === this.#keys[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#keys.length)
          return { forward: Uint8Array.from(forward), isDetached: true };
        continue;
      }
      forward.push(...this.#keys.slice(0, this.#matched));
      this.#matched = byte === this.#keys[0] ? 1 : 0;
      if (this.#matched === 0) forward.push(byte);
      else if (this.#keys.length === 1) return { forward: Uint8Array.from(forward), isDetached: true };
    }
    return { forward: Uint8Array.from(forward), isDetached: false };
  }
}
