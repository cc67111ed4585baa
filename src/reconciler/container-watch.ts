import type { Clock } from "../lib/clock.ts";
import { LABEL } from "../planner/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";

/** However events come, a waiting step looks again this often. */
const LOOK_AGAIN_MS = 2_000;

/**
 * One subscription to a stack's container events for all steps of a pass that wait. It only wakes them: what
 * they wait for they read afresh.
 */
export class ContainerWatch {
  readonly #runtime: ContainerRuntime;
  readonly #stackName: string;
  readonly #clock: Clock;
  readonly #end = new AbortController();
  readonly #waiting = new Set<() => void>();
  #isReading = false;

  constructor(runtime: ContainerRuntime, stackName: string, clock: Clock) {
    this.#runtime = runtime;
    this.#stackName = stackName;
    this.#clock = clock;
  }

  /** Resolves at the next event, or after a while. Rejects when the signal aborts. */
  async nextChange(signal: AbortSignal): Promise<void> {
    if (!this.#isReading) this.#read();
    const timer = new AbortController();
    const joined = AbortSignal.any([signal, timer.signal]);
    let wake = () => {};
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    this.#waiting.add(wake);
    try {
      await Promise.race([woken, this.#clock.sleep(LOOK_AGAIN_MS, joined)]);
    } finally {
      this.#waiting.delete(wake);
      timer.abort();
    }
  }

  close(): void {
    this.#end.abort();
  }

  #read(): void {
    this.#isReading = true;
    const filters = { type: ["container"], label: [`${LABEL.project}=${this.#stackName}`] };
    const stream = this.#runtime.events({ filters }, this.#end.signal);
    const reading = async () => {
      for await (const _ of stream) for (const wake of [...this.#waiting]) wake();
    };
    // Without events the slow look remains; the next wait subscribes again.
    reading()
      .catch(() => {})
      .finally(() => {
        this.#isReading = false;
      });
  }
}
