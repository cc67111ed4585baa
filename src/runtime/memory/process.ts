import { AsyncQueue } from "../../lib/async-queue.ts";
import type { Clock } from "../../lib/clock.ts";
import type { OutputStream } from "../index.ts";
import type { ContainerFiles } from "./files.ts";

/** What a simulated program has in its hands. */
export interface ProcessContext {
  readonly argv: readonly string[];
  readonly env: ReadonlyMap<string, string>;
  readonly user: string;
  readonly workingDir: string;
  readonly hostname: string;
  readonly files: ContainerFiles;
  readonly clock: Clock;
  /** The first process of its container: signals without a handler pass by it, but for SIGKILL. */
  readonly isFirst: boolean;
  readonly stdin: AsyncQueue<Uint8Array>;
  write(stream: OutputStream, text: string | Uint8Array): void;
  /** Rejects with `Killed` when the process is killed meanwhile. */
  sleep(ms: number): Promise<void>;
  onSignal(name: string, handler: () => void): void;
  /** Ends the process from a signal handler. */
  exit(code: number): void;
}

/** Resolves to the exit code. */
export type Program = (context: ProcessContext) => Promise<number>;

export class Killed extends Error {}

const NUMBERS: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ABRT: 6,
  KILL: 9,
  USR1: 10,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  CONT: 18,
  STOP: 19,
  WINCH: 28,
};
const HARMLESS = new Set(["CONT", "WINCH"]);

/** `SIGTERM`, `term`, `15` to `TERM`; undefined for no signal. */
export function signalName(text: string): string | undefined {
  const upper = text.toUpperCase().replace(/^SIG/, "");
  if (upper in NUMBERS) return upper;
  return Object.entries(NUMBERS).find(([, number]) => String(number) === upper)?.[0];
}

export function signalNumber(name: string): number {
  return NUMBERS[name] ?? 0;
}

export type ProcessOptions = Pick<
  ProcessContext,
  "argv" | "env" | "user" | "workingDir" | "hostname" | "files" | "clock" | "isFirst"
> & { readonly output: (stream: OutputStream, data: Uint8Array) => void };

/** One running simulated process. `exited` resolves once, to the exit code, and never rejects. */
export class SimulatedProcess {
  readonly stdin = new AsyncQueue<Uint8Array>();
  readonly exited: Promise<number>;
  readonly #handlers = new Map<string, () => void>();
  readonly #end = new AbortController();
  readonly #isFirst: boolean;
  #exit: (code: number) => void = () => undefined;

  constructor(program: Program, options: ProcessOptions) {
    this.#isFirst = options.isFirst;
    this.exited = new Promise((resolve) => {
      this.#exit = (code) => {
        if (this.#end.signal.aborted) return;
        this.#end.abort(new Killed());
        this.stdin.close();
        resolve(code);
      };
    });
    const { output, ...rest } = options;
    const context: ProcessContext = {
      ...rest,
      stdin: this.stdin,
      write: (stream, text) => {
        if (!this.#end.signal.aborted) output(stream, typeof text === "string" ? Buffer.from(text) : text);
      },
      sleep: (ms) => options.clock.sleep(ms, this.#end.signal),
      onSignal: (name, handler) => this.#handlers.set(name, handler),
      exit: (code) => this.#exit(code),
    };
    program(context).then(
      (code) => this.#exit(code),
      (error) => this.#exit(error instanceof Killed ? 137 : 1),
    );
  }

  signal(name: string): void {
    const handler = this.#handlers.get(name);
    if (name === "KILL") this.#exit(137);
    else if (handler !== undefined) handler();
    else if (!this.#isFirst && !HARMLESS.has(name)) this.#exit(128 + signalNumber(name));
  }
}
