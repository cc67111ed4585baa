import type { Span } from "./tar-entry.ts";

/** Bytes of a file, and where in the file they belong. */
export interface Piece {
  readonly data: Buffer;
  readonly position: number;
}

/** Says of the stored data of a sparse file, as it comes, where it belongs. */
export class SparseData {
  readonly #spans: readonly Span[];
  #index = 0;
  #doneOfSpan = 0;

  constructor(spans: readonly Span[]) {
    this.#spans = spans;
  }

  /** `data`: the next bytes that the archive stores. */
  place(data: Buffer): readonly Piece[] {
    const pieces: Piece[] = [];
    for (let rest = data; rest.length > 0; ) {
      const span = this.#spans[this.#index];
      // The reader sees to it that there is no more data than the spans hold.
      if (span === undefined) break;
      const part = rest.subarray(0, span.length - this.#doneOfSpan);
      pieces.push({ data: part, position: span.offset + this.#doneOfSpan });
      rest = rest.subarray(part.length);
      this.#doneOfSpan += part.length;
      if (this.#doneOfSpan < span.length) continue;
      this.#index += 1;
      this.#doneOfSpan = 0;
    }
    return pieces;
  }
}
