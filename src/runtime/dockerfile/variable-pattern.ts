/** One step of a pattern: a star, or one character. */
type Part = "many" | ((character: string) => boolean);

/**
 * A shell pattern (`*`, `?`, `\x`) inside `${name#pattern}` and its like. Never takes longer than the text's length
 * times the pattern's: all places that the text may have led to are followed at once.
 */
export class VariablePattern {
  readonly #parts: readonly Part[];
  readonly #reversed: readonly Part[];

  constructor(glob: string) {
    this.#parts = partsOf(glob);
    this.#reversed = this.#parts.toReversed();
  }

  withoutStart(text: string, isLongest: boolean): string {
    const end = endOfMatch(this.#parts, text, isLongest);
    return end === undefined ? text : text.slice(end);
  }

  withoutEnd(text: string, isLongest: boolean): string {
    const length = endOfMatch(this.#reversed, reversed(text), isLongest);
    return length === undefined ? text : text.slice(0, text.length - length);
  }

  /** The first match, or all, from the left, each as long as it can be. */
  replaced(text: string, replacement: string, isAll: boolean): string {
    const starts = this.#startsOfMatches(text);
    let result = "";
    let at = 0;
    for (const start of starts) {
      if (start < at) continue;
      const length = endOfMatch(this.#parts, text.slice(start), true) ?? 0;
      if (length === 0) continue;
      result += text.slice(at, start) + replacement;
      at = start + length;
      if (!isAll) break;
    }
    return result + text.slice(at);
  }

  /** Ascending. A match that begins at a place is, read backwards, one of the reversed pattern that ends there. */
  #startsOfMatches(text: string): readonly number[] {
    const starts: number[] = [];
    let places = new Set<number>();
    for (let at = text.length; at >= 0; at--) {
      enter(this.#reversed, places, 0);
      if (places.has(this.#reversed.length)) starts.push(at);
      places = after(this.#reversed, places, text.charAt(at - 1));
    }
    return starts.reverse();
  }
}

function partsOf(glob: string): readonly Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < glob.length; at++) {
    const character = glob.charAt(at);
    if (character === "?") parts.push(() => true);
    else if (character !== "*") {
      const wanted = character === "\\" && at + 1 < glob.length ? glob.charAt(++at) : character;
      parts.push((other) => other === wanted);
    } else if (parts.at(-1) !== "many") parts.push("many");
  }
  return parts;
}

/** Where a match that begins with the text ends. */
function endOfMatch(parts: readonly Part[], text: string, isLongest: boolean): number | undefined {
  let end: number | undefined;
  let places = new Set<number>();
  enter(parts, places, 0);
  for (let at = 0; places.size > 0; at++) {
    if (places.has(parts.length)) end = at;
    if ((end !== undefined && !isLongest) || at === text.length) break;
    places = after(parts, places, text.charAt(at));
  }
  return end;
}

function after(parts: readonly Part[], places: ReadonlySet<number>, character: string): Set<number> {
  const next = new Set<number>();
  for (const at of places) {
    const part = parts[at];
    if (part === "many") enter(parts, next, at);
    else if (part?.(character)) enter(parts, next, at + 1);
  }
  return next;
}

function enter(parts: readonly Part[], places: Set<number>, place: number): void {
  places.add(place);
  if (parts[place] === "many") places.add(place + 1);
}

function reversed(text: string): string {
  let result = "";
  for (let at = text.length - 1; at >= 0; at--) result += text.charAt(at);
  return result;
}
