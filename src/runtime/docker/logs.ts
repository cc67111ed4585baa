import type { Readable } from "node:stream";
import { instantToQuery, nanosecondsFromWire } from "../docker-api/index.ts";
import type { LogEntry, LogOptions, OutputStream } from "../index.ts";
import { type Connection, contentTypeOf } from "./connection.ts";
import { bytesOf, chunksOf } from "./read-stream.ts";
import { isFramed } from "./session.ts";

const NEWLINE = 10;
const SPACE = 32;

/** See `Containers.logs`. With `timestamps`, the engine writes a time before each line of a frame. */
export async function* readLogs(
  connection: Connection,
  id: string,
  options: LogOptions,
  isTty: () => Promise<boolean>,
): AsyncGenerator<LogEntry> {
  const {
    follow,
    stdout = true,
    stderr = true,
    sinceNs,
    untilNs,
    tail,
    timestamps = false,
    signal,
  } = options;
  const response = await connection.open("GET", `/containers/${encodeURIComponent(id)}/logs`, {
    query: {
      follow,
      stdout,
      stderr,
      tail,
      timestamps,
      since: sinceNs === undefined ? undefined : instantToQuery(sinceNs),
      until: untilNs === undefined ? undefined : instantToQuery(untilNs),
    },
    signal,
  });
  const framed = isFramed({ contentType: contentTypeOf(response) }) || !(await isTty());
  if (!timestamps) {
    yield* chunksOf(response, framed, signal);
    return;
  }
  const stamps = new StampReader();
  if (framed)
    for await (const { stream, data } of chunksOf(response, true, signal)) yield stamps.entry(stream, data);
  // A terminal's output has no frames: lines are what there is to go by.
  else for await (const lines of wholeLines(response, signal)) yield stamps.entry("stdout", lines);
}

/** Takes the times out of what the engine sends. */
class StampReader {
  /** The last one with its blank, and what it means: the next line mostly has the same. */
  #known: Uint8Array = new Uint8Array(0);
  #knownNs = 0n;

  entry(stream: OutputStream, stamped: Uint8Array): LogEntry {
    const data = Buffer.allocUnsafe(stamped.length);
    const timesNs: bigint[] = [];
    let to = 0;
    for (let from = 0; from < stamped.length; ) {
      from += this.#stampAt(stamped, from);
      timesNs.push(this.#knownNs);
      while (from < stamped.length) {
        const byte = stamped[from++] as number;
        data[to++] = byte;
        if (byte === NEWLINE) break;
      }
    }
    return { stream, data: data.subarray(0, to), timesNs };
  }

  /** How many bytes the time here takes; a line that has none, the engine's own word, has none of ours either. */
  #stampAt(bytes: Uint8Array, at: number): number {
    if (this.#isKnownAt(bytes, at)) return this.#known.length;
    const blank = bytes.indexOf(SPACE, at);
    const text = blank < 0 ? "" : Buffer.from(bytes.subarray(at, blank)).toString("latin1");
    const timeNs = nanosecondsFromWire(text);
    this.#known = timeNs === undefined ? new Uint8Array(0) : bytes.slice(at, blank + 1);
    this.#knownNs = timeNs ?? 0n;
    return this.#known.length;
  }

  /** Backwards: times differ at their end. */
  #isKnownAt(bytes: Uint8Array, at: number): boolean {
    const known = this.#known;
    for (let index = known.length - 1; index >= 0; index--)
      if (bytes[at + index] !== known[index]) return false;
    return known.length > 0;
  }
}

/** Pieces that end with a newline, the last one perhaps not. */
async function* wholeLines(source: Readable, signal?: AbortSignal): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const bytes of bytesOf(source, signal)) {
    const all = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    const end = all.lastIndexOf(NEWLINE) + 1;
    if (end > 0) yield all.subarray(0, end);
    rest = all.subarray(end);
  }
  if (rest.length > 0) yield rest;
}
