import type { Clock } from "../../lib/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that stands still until somebody turns it. */
export class TurnableClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(startMs = Date.UTC(2030, 0, 1)) {
    this.#nowMs = startMs;
  }

  now(): number {
    return this.#nowMs;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const onAbort = () => {
        this.#timers.delete(timer);
        reject(signal?.reason);
      };
      const fire = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const timer: Timer = { atMs: this.#nowMs + Math.max(0, ms), order: this.#order++, fire };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#timers.add(timer);
    });
  }

  /** Goes forward, stopping at each timer on the way so that whoever waited for it runs at its time. */
  async turn(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      const next = this.#earliest();
      if (next === undefined || next.atMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.fire();
      await settle();
    }
    this.#nowMs = endMs;
  }

  /** Turns until `promise` has settled, at most `limitMs`. */
  async turnUntil<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let isSettled = false;
    const done = promise.finally(() => {
      isSettled = true;
    });
    done.catch(() => undefined);
    const endMs = this.#nowMs + limitMs;
    await settle();
    while (!isSettled) {
      const next = this.#earliest();
      if (next === undefined || next.atMs > endMs) {
        // Real I/O may still be under way; only a world without timers and without it is stuck.
        await new Promise((resolve) => setTimeout(resolve, 5));
        if (!isSettled && this.#earliest() === undefined && ++this.#idleTurns > 400)
          throw new Error("The clock was turned, but nothing is left that could settle the promise");
        continue;
      }
      this.#idleTurns = 0;
      await this.turn(next.atMs - this.#nowMs);
    }
    return done;
  }

  #idleTurns = 0;

  #earliest(): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.atMs < earliest.atMs) earliest = timer;
      else if (timer.atMs === earliest.atMs && timer.order < earliest.order) earliest = timer;
    }
    return earliest;
  }
}

/** Lets everything run that can run without time passing. */
async function settle(): Promise<void> {
  for (let round = 0; round < 3; round += 1) await new Promise((resolve) => setImmediate(resolve));
}
