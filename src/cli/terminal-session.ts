import { once } from "node:events";
import type { Session } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import type { Output } from "./io.ts";

export interface TerminalOptions {
  readonly session: Session;
  /** Our stdin goes to the process. */
  readonly hasStdin: boolean;
  /** The process has a terminal: ours becomes raw, and its size is passed on. */
  readonly tty: boolean;
  /** Sequence that lets go without ending the process: `ctrl-p,ctrl-q`. Absent: none. */
  readonly detachKeys?: string;
}

/** Connects our terminal to a process's streams until its output ends or the detach keys are typed. */
export async function pumpTerminal(
  context: Context,
  options: TerminalOptions,
): Promise<"ended" | "detached"> {
  const { session, hasStdin, tty } = options;
  const { io } = context;
  const undo: (() => void)[] = [];
  let isDetached = false;
  if (tty) undo.push(followSize(io.stdout, session));
  if (hasStdin) {
    undo.push(
      forwardStdin(context, options, () => {
        isDetached = true;
        session.close();
      }),
    );
  }
  try {
    for await (const { stream, data } of session.output) await writeAll(io[stream], data);
  } catch (error) {
    if (!isDetached) throw error;
  } finally {
    for (const step of undo.reverse()) step();
  }
  return isDetached ? "detached" : "ended";
}

function forwardStdin({ io }: Context, options: TerminalOptions, detach: () => void): () => void {
  const { stdin } = io;
  const { session, tty } = options;
  const isRaw = tty && stdin.isTTY === true;
  if (isRaw) stdin.setRawMode?.(true);
  const keys = options.detachKeys === undefined ? undefined : new DetachKeys(options.detachKeys);
  let last: Promise<unknown> = Promise.resolve();
  const onData = (chunk: Buffer | string) => {
    const data = Buffer.from(chunk as Uint8Array);
    const passed = keys === undefined ? { data, isComplete: false } : keys.feed(data);
    if (passed.data.length > 0) {
      stdin.pause();
      last = last
        .then(() => session.write(passed.data))
        .catch(() => {})
        .then(() => stdin.resume());
    }
    if (passed.isComplete) detach();
  };
  const onEnd = () => {
    last = last.then(() => session.end()).catch(() => {});
  };
  stdin.on("data", onData);
  stdin.on("end", onEnd);
  return () => {
    stdin.off("data", onData);
    stdin.off("end", onEnd);
    stdin.pause();
    if (isRaw) stdin.setRawMode?.(false);
  };
}

function followSize(stdout: Output, session: Session): () => void {
  const tell = () => {
    const { rows, columns } = stdout;
    if (rows !== undefined && columns !== undefined) session.resize({ rows, columns }).catch(() => {});
  };
  tell();
  process.on("SIGWINCH", tell);
  return () => process.off("SIGWINCH", tell);
}

/** Bytes as they are; waits while the reader is slow. */
export async function writeAll(output: Output, data: Uint8Array): Promise<void> {
  if (!output.write(data)) await once(output as NodeJS.WriteStream, "drain");
}

/** Finds the sequence in what is typed; what turns out not to be it is passed on. */
export class DetachKeys {
  readonly #sequence: readonly number[];
  #matched = 0;

  constructor(keys: string) {
    this.#sequence = keys.split(",").map(codeOf);
  }

  feed(data: Uint8Array): { readonly data: Uint8Array; readonly isComplete: boolean } {
    const passed: number[] = [];
    for (const byte of data) {
      if (byte === this.#sequence[this.#matched]) {
        this.#matched++;
        if (this.#matched === this.#sequence.length)
          return { data: Uint8Array.from(passed), isComplete: true };
        continue;
      }
      passed.push(...this.#sequence.slice(0, this.#matched));
      this.#matched = byte === this.#sequence[0] ? 1 : 0;
      if (this.#matched === 0) passed.push(byte);
    }
    return { data: Uint8Array.from(passed), isComplete: false };
  }
}

/** `ctrl-p` or a character. */
function codeOf(key: string): number {
  const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key.trim())?.[1];
  if (control === undefined) return key.charCodeAt(0);
  return control.toUpperCase().charCodeAt(0) & 0x1f;
}
