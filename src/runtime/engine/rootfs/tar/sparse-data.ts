import { TAR_BLOCK, type TarEntry } from "./tar-entry.ts";
import { numberField } from "./tar-fields.ts";
import { malformed } from "./tar-reader.ts";

/** Bytes of a file, and where in the file they belong. */
export interface Piece {
  readonly data: Buffer;
  readonly position: number;
}

interface Span {
  readonly offset: number;
  readonly length: number;
}

/** Of a map that precedes the data; what is longer is no honest file. */
const MAX_MAP_BYTES = 1 << 20;
const NEWLINE = 10;

/**
 * Where the stored data of a sparse file belongs, whichever of GNU's forms says so: the old header and its extensions,
 * PAX 0.0 and 0.1 (records), 1.0 (a map before the data). Between the pieces, and up to `fileBytes`, the file is zeros.
 * A map whose spans overlap, lead out of the file or do not fit the data is `invalid`.
 */
export class SparseData {
  readonly #entry: TarEntry;
  #spans: readonly Span[] | undefined;
  readonly #map = new MapReader();
  #index = 0;
  #doneOfSpan = 0;

  constructor(entry: TarEntry) {
    this.#entry = entry;
    if (!hasMapBeforeData(entry)) this.#spans = checkedSpans(spansInHeaders(entry), entry, entry.storedBytes);
  }

  /** `data`: the next bytes that the archive stores. */
  place(data: Buffer): readonly Piece[] {
    if (this.#spans !== undefined) return this.#pieces(this.#spans, data);
    const rest = this.#map.read(data);
    const { spans, mapBytes } = this.#map;
    if (spans === undefined) return [];
    this.#spans = checkedSpans(spans, this.#entry, this.#entry.storedBytes - mapBytes);
    return this.#pieces(this.#spans, rest);
  }

  /** The archive stores no more of it. */
  end(): void {
    if (this.#spans === undefined) throw malformed("the map of a sparse file is cut off");
  }

  #pieces(spans: readonly Span[], data: Buffer): readonly Piece[] {
    const pieces: Piece[] = [];
    for (let rest = data; rest.length > 0; ) {
      const span = spans[this.#index];
      // Fits by `checkedSpans`: there is no more data than the spans hold.
      if (span === undefined) break;
      const part = rest.subarray(0, span.length - this.#doneOfSpan);
      if (part.length > 0) pieces.push({ data: part, position: span.offset + this.#doneOfSpan });
      rest = rest.subarray(part.length);
      this.#doneOfSpan += part.length;
      if (this.#doneOfSpan < span.length) continue;
      this.#index += 1;
      this.#doneOfSpan = 0;
    }
    return pieces;
  }
}

function hasMapBeforeData({ sparse }: TarEntry): boolean {
  return sparse?.kind === "pax" && sparse.records.get("GNU.sparse.major")?.toString() === "1";
}

function spansInHeaders({ sparse }: TarEntry): readonly Span[] {
  if (sparse === undefined) return [];
  if (sparse.kind === "gnu")
    return [...oldSpans(sparse.header, 386, 4), ...oldExtensionSpans(sparse.extension)];
  const text = sparse.records.get("GNU.sparse.map")?.toString("latin1") ?? "";
  return paired(text === "" ? [] : text.split(",").map(decimal));
}

function oldExtensionSpans(extension: Buffer): readonly Span[] {
  return Array.from({ length: extension.length / TAR_BLOCK }, (_, block) =>
    oldSpans(extension, block * TAR_BLOCK, 21),
  ).flat();
}

/** Pairs of twelve bytes each; the first empty one ends them. */
function oldSpans(block: Buffer, start: number, count: number): readonly Span[] {
  const spans: Span[] = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24)
    spans.push({ offset: numberField(block, at, 12), length: numberField(block, at + 12, 12) });
  return spans;
}

/** A map before the data: a count, then so many offsets and lengths, a line each, filled up to a whole block. */
class MapReader {
  readonly #numbers: number[] = [];
  /** Of a line that is not whole yet. */
  #begun = "";
  #taken = 0;

  /** Once the whole map, filling included, has been read. */
  get spans(): readonly Span[] | undefined {
    return this.#isWhole && this.#taken === this.mapBytes ? paired(this.#numbers.slice(1)) : undefined;
  }

  get mapBytes(): number {
    return Math.ceil(this.#taken / TAR_BLOCK) * TAR_BLOCK;
  }

  get #isWhole(): boolean {
    const [count] = this.#numbers;
    return count !== undefined && this.#numbers.length > 2 * count;
  }

  /** What follows the map in `data`. */
  read(data: Buffer): Buffer {
    let at = 0;
    while (!this.#isWhole && at < data.length) {
      const end = data.indexOf(NEWLINE, at);
      const text = data.toString("latin1", at, end === -1 ? data.length : end);
      const line = this.#begun + text;
      this.#begun = end === -1 ? line : "";
      if (end !== -1) this.#numbers.push(decimal(line));
      const next = end === -1 ? data.length : end + 1;
      this.#taken += next - at;
      at = next;
      if (this.#taken > MAX_MAP_BYTES) throw malformed("the map of a sparse file is too long");
    }
    if (!this.#isWhole) return data.subarray(at);
    const filling = Math.min(this.mapBytes - this.#taken, data.length - at);
    this.#taken += filling;
    return data.subarray(at + filling);
  }
}

function paired(numbers: readonly number[]): readonly Span[] {
  if (numbers.length % 2 !== 0) throw malformed("the map of a sparse file has an odd number of values");
  return Array.from({ length: numbers.length / 2 }, (_, index) => ({
    offset: numbers[2 * index] ?? 0,
    length: numbers[2 * index + 1] ?? 0,
  }));
}

function decimal(text: string): number {
  if (!/^\d{1,16}$/.test(text)) throw malformed(`the map of a sparse file holds ${JSON.stringify(text)}`);
  return Number(text);
}

function checkedSpans(spans: readonly Span[], { fileBytes }: TarEntry, storedBytes: number): readonly Span[] {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of spans) {
    if (offset < end || length < 0 || offset + length > fileBytes)
      throw malformed("the map of a sparse file leads out of it, or back");
    end = offset + length;
    sum += length;
  }
  if (sum !== storedBytes) throw malformed("the map of a sparse file does not fit its data");
  return spans;
}
