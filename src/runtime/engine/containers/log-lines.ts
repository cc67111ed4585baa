import type { LogEntry, OutputStream } from "../../index.ts";
import { RecordCursor } from "./log-records.ts";

/** Docker's longest piece of a line. */
const MAX_PIECE_BYTES = 16 * 1024;

export interface LineFilter {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly sinceNs: bigint | undefined;
  readonly untilNs: bigint | undefined;
  readonly timestamps: boolean;
}

/** A line whose end has not come yet. */
interface OpenLine {
  readonly data: Buffer;
  readonly timeNs: bigint;
}

/**
 * Makes entries of a log's records: whole lines, those of one stream that follow each other in one entry. A line
 * has the time of its beginning, and its place where it ends; each stream is joined for itself.
 */
export class LineJoiner {
  readonly #filter: LineFilter;
  readonly #needsTime: boolean;
  readonly #cursor = new RecordCursor();
  readonly #open = new Map<OutputStream, OpenLine>();
  #isOver = false;

  // The entry that is being made, in `#out`: whole lines from `#start` to `#lineAt`, then one without an end.
  #out: Buffer = Buffer.alloc(0);
  #stream: OutputStream = "stdout";
  #start = 0;
  #lineAt = 0;
  #used = 0;
  #lineNs = 0n;
  #timesNs: bigint[] = [];
  #entries: LogEntry[] = [];

  constructor(filter: LineFilter) {
    this.#filter = filter;
    this.#needsTime = filter.timestamps || filter.sinceNs !== undefined || filter.untilNs !== undefined;
  }

  /** What came is from after the last instant asked for. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The lines that end in a block of whole records. */
  push(block: Buffer): readonly LogEntry[] {
    let openBytes = 0;
    for (const { data } of this.#open.values()) openBytes += data.length;
    this.#out = Buffer.allocUnsafe(block.length + openBytes);
    this.#used = this.#lineAt = this.#start = 0;
    this.#entries = [];
    this.#cursor.open(block);
    this.#resume(this.#stream);
    while (!this.#isOver && this.#cursor.next()) this.#take(this.#cursor);
    this.#suspend();
    return this.#entries;
  }

  /** What has no end yet, at the end of the log. */
  rest(): readonly LogEntry[] {
    return [...this.#open]
      .filter(([, { timeNs }]) => this.#isWanted(timeNs))
      .map(([stream, { data, timeNs }]) =>
        this.#filter.timestamps ? { stream, data, timesNs: [timeNs] } : { stream, data },
      );
  }

  #take(record: RecordCursor): void {
    const { stdout, stderr, untilNs } = this.#filter;
    const { stream, isPartial } = record;
    const timeNs = this.#needsTime ? record.timeNs : 0n;
    if (untilNs !== undefined && timeNs > untilNs) {
      this.#isOver = true;
      return;
    }
    if (!(stream === "stdout" ? stdout : stderr)) return;
    if (stream !== this.#stream) {
      this.#suspend();
      this.#resume(stream);
    }
    if (this.#used === this.#lineAt) this.#lineNs = timeNs;
    this.#used = record.copyTo(this.#out, this.#used);
    if (!isPartial || this.#used - this.#lineAt >= MAX_PIECE_BYTES) this.#endLine(isPartial);
  }

  #endLine(isPiece: boolean): void {
    if (!this.#isWanted(this.#lineNs)) {
      this.#used = this.#lineAt;
      return;
    }
    this.#lineAt = this.#used;
    if (!this.#filter.timestamps) return;
    this.#timesNs.push(this.#lineNs);
    if (isPiece) this.#endEntry();
  }

  #isWanted(timeNs: bigint): boolean {
    return this.#filter.sinceNs === undefined || timeNs >= this.#filter.sinceNs;
  }

  #endEntry(): void {
    if (this.#lineAt === this.#start) return;
    const stream = this.#stream;
    const data = this.#out.subarray(this.#start, this.#lineAt);
    if (this.#filter.timestamps) {
      this.#entries.push({ stream, data, timesNs: this.#timesNs });
      this.#timesNs = [];
    } else this.#entries.push({ stream, data });
    this.#start = this.#lineAt;
  }

  /** Ends the entry; a line that has no end yet is put aside, and its place is used again. */
  #suspend(): void {
    this.#endEntry();
    if (this.#used > this.#lineAt) {
      const data = Buffer.from(this.#out.subarray(this.#lineAt, this.#used));
      this.#open.set(this.#stream, { data, timeNs: this.#lineNs });
      this.#used = this.#lineAt;
    }
  }

  /** Goes on with what was put aside of a stream. */
  #resume(stream: OutputStream): void {
    this.#stream = stream;
    const line = this.#open.get(stream);
    if (line === undefined) return;
    this.#open.delete(stream);
    this.#used += line.data.copy(this.#out, this.#used);
    this.#lineNs = line.timeNs;
  }
}
