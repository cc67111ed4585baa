import type { OutputChunk, OutputStream } from "../../index.ts";

const NEWLINE = 10;
const SPACE = 32;
const DIGIT_0 = 48;
const FULL = 70;
const LETTER_O = 111;

/** A record of conmon's k8s-file format: `2026-11-21T19:28:00.123456789+00:00 stdout F bytes`. */
const FRACTION_AT = 20;
const FRACTION_BYTES = 9;
const TIME_BYTES = 35;
const STREAM_AT = TIME_BYTES + 1;
const FLAG_AT = STREAM_AT + 7;
const DATA_AT = FLAG_AT + 2;

/** Above this the machine's own search and copy are faster than a loop of ours. */
const SHORT_BYTES = 64;

/**
 * Goes over the records of a log. There are millions, so none becomes an object: the cursor tells of the one it
 * stands on. What is no record is passed over.
 */
export class RecordCursor {
  #block: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #next = 0;
  readonly #times = new TimeParser();

  /** Goes on in a block of whole records. */
  open(block: Buffer): void {
    this.#block = block;
    this.#next = 0;
  }

  /** Stands on the next record; false at the end of the block. */
  next(): boolean {
    for (;;) {
      const at = this.#next;
      const isRecord = isHead(this.#block, at);
      const end = newlineFrom(this.#block, isRecord ? at + DATA_AT : at);
      if (end < 0) return false;
      this.#at = at;
      this.#end = end;
      this.#next = end + 1;
      if (isRecord) return true;
    }
  }

  get stream(): OutputStream {
    return this.#block[this.#at + STREAM_AT + 3] === LETTER_O ? "stdout" : "stderr";
  }

  /** The line goes on in the next record of the stream. */
  get isPartial(): boolean {
    return this.#block[this.#at + FLAG_AT] !== FULL;
  }

  get timeNs(): bigint {
    return this.#times.parse(this.#block, this.#at);
  }

  /** Writes what the process wrote, its newline included where there was one; returns where that ends. */
  copyTo(target: Buffer, to: number): number {
    const block = this.#block;
    const end = this.isPartial ? this.#end : this.#end + 1;
    let from = this.#at + DATA_AT;
    if (end - from > SHORT_BYTES) return to + block.copy(target, to, from, end);
    let at = to;
    for (; from < end; from++, at++) target[at] = block[from] as number;
    return at;
  }
}

function isHead(block: Buffer, at: number): boolean {
  return (
    block[at + TIME_BYTES] === SPACE && block[at + FLAG_AT - 1] === SPACE && block[at + DATA_AT - 1] === SPACE
  );
}

function newlineFrom(block: Buffer, from: number): number {
  const near = Math.min(from + SHORT_BYTES, block.length);
  for (let at = from; at < near; at++) if (block[at] === NEWLINE) return at;
  return block.indexOf(NEWLINE, near);
}

/** Lines that conmon has read together have the same time, others mostly the same second: each is parsed once. */
class TimeParser {
  readonly #known = Buffer.alloc(TIME_BYTES);
  #secondNs = 0n;
  #timeNs = 0n;

  parse(block: Buffer, at: number): bigint {
    if (this.#isKnown(block, at, TIME_BYTES)) return this.#timeNs;
    if (!this.#isKnown(block, at, FRACTION_AT)) {
      const secondMs = Date.parse(`${block.toString("latin1", at, at + FRACTION_AT - 1)}Z`);
      this.#secondNs = Number.isNaN(secondMs) ? 0n : BigInt(secondMs) * 1_000_000n;
    }
    block.copy(this.#known, 0, at, at + TIME_BYTES);
    this.#timeNs = this.#secondNs + BigInt(numberAt(block, at + FRACTION_AT, FRACTION_BYTES));
    return this.#timeNs;
  }

  /** Backwards: times differ at their end. */
  #isKnown(block: Buffer, at: number, length: number): boolean {
    for (let index = length - 1; index >= 0; index--)
      if (block[at + index] !== this.#known[index]) return false;
    return true;
  }
}

function numberAt(block: Buffer, at: number, digits: number): number {
  let number = 0;
  for (let index = at; index < at + digits; index++)
    number = number * 10 + (block[index] as number) - DIGIT_0;
  return number;
}

/** What the processes wrote, as it came; records of one stream that follow each other are one chunk. */
export class OutputDecoder {
  readonly #cursor = new RecordCursor();
  readonly #isWanted: (record: RecordCursor) => boolean;

  constructor(isWanted: (record: RecordCursor) => boolean) {
    this.#isWanted = isWanted;
  }

  /** The output in a block of whole records. */
  push(block: Buffer): readonly OutputChunk[] {
    const cursor = this.#cursor;
    const out = Buffer.allocUnsafe(block.length);
    const chunks: OutputChunk[] = [];
    let stream: OutputStream = "stdout";
    let start = 0;
    let end = 0;
    const endChunk = () => {
      if (end > start) chunks.push({ stream, data: out.subarray(start, end) });
      start = end;
    };
    cursor.open(block);
    while (cursor.next()) {
      if (!this.#isWanted(cursor)) continue;
      if (cursor.stream !== stream) {
        endChunk();
        stream = cursor.stream;
      }
      end = cursor.copyTo(out, end);
    }
    endChunk();
    return chunks;
  }
}
