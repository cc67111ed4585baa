import { nanoTime } from "./nano-time.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;

/** What stands before lines; as long before each. */
export interface LineHeads {
  readonly length: number;
  /** Of the line with this index. */
  at(line: number): Uint8Array;
}

export function constantHead(text: string): LineHeads {
  const head = Buffer.from(text);
  return { length: head.length, at: () => head };
}

/** A text, and the time of each line. */
export function timedHeads(text: string, timesNs: readonly bigint[]): LineHeads {
  let headNs = timesNs[0] ?? 0n;
  let head = Buffer.from(`${text}${nanoTime(headNs)} `);
  return {
    length: head.length,
    at: (line) => {
      const timeNs = timesNs[line] ?? 0n;
      // Lines written together have the same time.
      if (timeNs !== headNs) {
        headNs = timeNs;
        head = Buffer.from(`${text}${nanoTime(timeNs)} `);
      }
      return head;
    },
  };
}

/** Whole lines, each after its head, and without the carriage return of a terminal. */
export function withHeads(lines: Uint8Array, heads: LineHeads): Uint8Array {
  let count = 0;
  for (let at = 0; at < lines.length; at++) if (lines[at] === NEWLINE) count++;
  const out = new Uint8Array(lines.length + count * heads.length);
  let to = 0;
  let line = 0;
  for (let at = 0, isStart = true; at < lines.length; at++) {
    if (isStart) {
      out.set(heads.at(line++), to);
      to += heads.length;
    }
    isStart = lines[at] === NEWLINE;
    if (isStart && at > 0 && lines[at - 1] === RETURN) to--;
    out[to++] = lines[at] as number;
  }
  return out.subarray(0, to);
}
