import { type Span, TAR_BLOCK } from "./tar-entry.ts";
import { numberField } from "./tar-fields.ts";
import { malformed } from "./tar-reader.ts";

/** Of a map that precedes the data; what is longer is no honest file. */
const MAX_MAP_BYTES = 1 << 20;
const NEWLINE = 10;

/** GNU's old form: the header of type `S` and its extension blocks. */
export function spansOfHeader(header: Buffer, extension: readonly Buffer[]): readonly Span[] {
  return [...oldSpans(header, 386, 4), ...extension.flatMap((block) => oldSpans(block, 0, 21))];
}

/** The PAX forms 0.0 and 0.1: a list of offsets and lengths. */
export function spansOfList(list: string): readonly Span[] {
  return paired(list === "" ? [] : list.split(",").map(decimal));
}

/** Pairs of twelve bytes each; the first empty one ends them. */
function oldSpans(block: Buffer, start: number, count: number): readonly Span[] {
  const spans: Span[] = [];
  for (let at = start; at < start + count * 24 && block[at] !== 0; at += 24)
    spans.push({ offset: numberField(block, at, 12), length: numberField(block, at + 12, 12) });
  return spans;
}

/** A map before the data: a count, then so many offsets and lengths, a line each, filled up to a whole block. */
export class MapReader {
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

/** Those that hold data. Spans that overlap, lead out of the file or do not fit the data are `invalid`. */
export function checkedSpans(
  spans: readonly Span[],
  fileBytes: number,
  storedBytes: number,
): readonly Span[] {
  let end = 0;
  let sum = 0;
  for (const { offset, length } of spans) {
    if (offset < end || length < 0 || offset + length > fileBytes)
      throw malformed("the map of a sparse file leads out of it, or back");
    end = offset + length;
    sum += length;
  }
  if (sum !== storedBytes) throw malformed("the map of a sparse file does not fit its data");
  return spans.filter(({ length }) => length > 0);
}
