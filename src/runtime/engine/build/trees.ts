import { Worker } from "node:worker_threads";
import { programPath } from "../../../lib/program-path.ts";
import { type ErrorKind, RuntimeError } from "../../index.ts";
import type { TreeJob, TreeResult } from "./tree-job.ts";

export interface TreeCall {
  readonly id: number;
  readonly job: TreeJob;
}

export type TreeAnswer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly failure: { readonly kind: ErrorKind; readonly message: string } };

/** How long a thread waits for the next build. */
const KEPT_MS = 30_000;

/** The threads of all builds. One that has nothing to do is kept for the next build: a start takes longer than most jobs. */
export class TreeThreads {
  #idle: Trees | undefined;
  #end: NodeJS.Timeout | undefined;

  take(): Trees {
    const idle = this.#idle;
    this.#idle = undefined;
    clearTimeout(this.#end);
    if (idle === undefined || !idle.isIdle) return new Trees();
    idle.ref();
    return idle;
  }

  async giveBack(trees: Trees): Promise<void> {
    if (!trees.isIdle || this.#idle !== undefined) return trees.close();
    trees.unref();
    this.#idle = trees;
    this.#end = setTimeout(() => {
      this.#idle = undefined;
      void trees.close();
    }, KEPT_MS).unref();
  }
}

/** The thread that works on trees of files for one build, one job at a time. */
export class Trees {
  readonly #worker = new Worker(programPath("tree-worker"));
  readonly #pending = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  #lastId = 0;
  #hasEnded = false;

  constructor() {
    this.#worker.on("message", (answer: TreeAnswer) => this.#settle(answer));
    this.#worker.on("error", (cause) =>
      this.#fail(new RuntimeError("internal", "The builder's thread failed", { cause })),
    );
    this.#worker.on("exit", () => {
      this.#hasEnded = true;
      this.#fail(new RuntimeError("cancelled", "The build has ended"));
    });
  }

  /** Lives, and works on nothing. */
  get isIdle(): boolean {
    return !this.#hasEnded && this.#pending.size === 0;
  }

  /** Its process must not end before it. */
  ref(): void {
    this.#worker.ref();
  }

  unref(): void {
    this.#worker.unref();
  }

  run<Job extends TreeJob>(job: Job): Promise<TreeResult<Job>> {
    const id = ++this.#lastId;
    return new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#worker.postMessage({ id, job } satisfies TreeCall);
    }) as Promise<TreeResult<Job>>;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(answer: TreeAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if ("failure" in answer) pending?.reject(new RuntimeError(answer.failure.kind, answer.failure.message));
    else pending?.resolve(answer.value);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
