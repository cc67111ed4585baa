import type { LogEntry, OutputStream } from "../../runtime/index.ts";
import type { Output } from "../io.ts";
import { constantHead, timedHeads, withHeads } from "./line-heads.ts";
import { colourWheel } from "./paint.ts";

export interface LogLineOptions {
  readonly stdout: Output;
  /** Where lines of the containers' stderr go. */
  readonly stderr: Output;
  readonly isColoured: boolean;
  readonly hasPrefix: boolean;
  readonly hasTimestamps: boolean;
}

/** One source of lines: a container. */
export interface LogSource {
  add(entry: LogEntry): void;
  /** Writes what has no newline yet. */
  flush(): void;
}

const NEWLINE = 0x0a;
/** A line that is longer is told in pieces: some processes never write an end. */
const LONGEST_LINE_BYTES = 1 << 20;

/**
 * Output of several containers as whole lines, `web-1  | text`: the name in its colour, padded to the longest one
 * known so far. Lines are passed on as the bytes they were.
 */
export class LogLines {
  readonly #options: LogLineOptions;
  readonly #paint: (index: number) => (text: string) => string;
  readonly #colours = new Map<string, number>();
  #width = 0;

  constructor(options: LogLineOptions) {
    this.#options = options;
    this.#paint = colourWheel(options.isColoured);
  }

  /** Makes room for a name before its first line. */
  register(name: string): void {
    this.#width = Math.max(this.#width, name.length);
    if (!this.#colours.has(name)) this.#colours.set(name, this.#colours.size);
  }

  source(name: string): LogSource {
    this.register(name);
    const open = new Map<OutputStream, LogEntry>();
    return {
      add: (entry) => {
        const { lines, rest } = splitEntry(open.get(entry.stream), entry);
        this.#write(name, lines);
        open.delete(entry.stream);
        if (rest === undefined) return;
        if (rest.data.length < LONGEST_LINE_BYTES) open.set(entry.stream, rest);
        else this.#write(name, ended(rest));
      },
      flush: () => {
        for (const entry of open.values()) this.#write(name, ended(entry));
        open.clear();
      },
    };
  }

  /** Resolves when the reader of the output has kept up: before that, more would only pile up in memory. */
  async ready(): Promise<void> {
    for (const output of [this.#options.stdout, this.#options.stderr]) {
      if (output.writableNeedDrain === true)
        await new Promise<void>((resolve) => output.once?.("drain", () => resolve()));
    }
  }

  /** A line of ours about a container: `web-1 exited with code 0`. */
  remark(name: string, text: string): void {
    this.#options.stdout.write(`${this.#coloured(name)(name)} ${text}\n`);
  }

  /** Whole lines, in one write. */
  #write(name: string, { stream, data, timesNs = [] }: LogEntry): void {
    if (data.length === 0) return;
    const { hasPrefix, hasTimestamps } = this.#options;
    const prefix = hasPrefix ? this.#coloured(name)(`${name.padEnd(this.#width + 1)} | `) : "";
    const heads = hasTimestamps ? timedHeads(prefix, timesNs) : constantHead(prefix);
    this.#options[stream].write(withHeads(data, heads));
  }

  #coloured(name: string): (text: string) => string {
    return this.#paint(this.#colours.get(name) ?? 0);
  }
}

function ended(entry: LogEntry): LogEntry {
  return { ...entry, data: Buffer.concat([entry.data, Buffer.from("\n")]) };
}

/** The lines that end in an entry, after what was open before it, and what is open then. */
function splitEntry(
  open: LogEntry | undefined,
  entry: LogEntry,
): { readonly lines: LogEntry; readonly rest: LogEntry | undefined } {
  const { stream } = entry;
  const data = open === undefined ? entry.data : Buffer.concat([open.data, entry.data]);
  const timesNs = [...(open?.timesNs ?? []), ...(entry.timesNs ?? []).slice(open === undefined ? 0 : 1)];
  const end = data.lastIndexOf(NEWLINE) + 1;
  return {
    lines: { stream, data: data.subarray(0, end), timesNs },
    rest: end === data.length ? undefined : { stream, data: data.slice(end), timesNs: timesNs.slice(-1) },
  };
}

/** A container's name without its stack's: what log lines begin with. */
export function shortName(name: string, stackName: string): string {
  const hasPrefix = name.startsWith(stackName) && /^[-_]/.test(name.slice(stackName.length));
  return hasPrefix ? name.slice(stackName.length + 1) : name;
}
