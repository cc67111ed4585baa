import type { Place } from "./problem.ts";

/** One text that was read, and how offsets in it are lines and columns. */
export class SourceText {
  readonly name: string;
  readonly text: string;
  #lineStarts: number[] | undefined;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }

  placeOf(start: number, end = start): Place {
    const starts = this.#starts();
    const line = lastAtMost(starts, start);
    const column = start - (starts[line] ?? 0) + 1;
    const place = { file: this.name, line: line + 1, column };
    const sameLine = end > start && lastAtMost(starts, end - 1) === line;
    return sameLine ? { ...place, endColumn: column + end - start } : place;
  }

  /** The line's text, `line` counted from 1. */
  lineText(line: number): string {
    const starts = this.#starts();
    const from = starts[line - 1] ?? this.text.length;
    return this.text.slice(from, starts[line] ?? this.text.length).replace(/\r?\n$/, "");
  }

  /** Offset of a line's first character, `line` counted from 1. */
  offsetOfLine(line: number): number {
    return this.#starts()[line - 1] ?? this.text.length;
  }

  #starts(): number[] {
    if (this.#lineStarts !== undefined) return this.#lineStarts;
    const starts = [0];
    for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) starts.push(at + 1);
    this.#lineStarts = starts;
    return starts;
  }
}

function lastAtMost(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
