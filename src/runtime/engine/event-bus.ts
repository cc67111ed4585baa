import { AsyncQueue } from "../../lib/async-queue.ts";
import { MAX_TIMER_MS } from "../../lib/clock.ts";
import {
  checkEventFilters,
  type EventOptions,
  matchesEvent,
  RuntimeError,
  type RuntimeEvent,
} from "../index.ts";

/** Docker's: how many past events a late reader can still see. */
const KEPT = 256;
/** A reader so far behind is let go rather than held in memory. */
const MAX_BEHIND = 20_000;
const NS_PER_MS = 1_000_000n;

export type NewEvent = Omit<RuntimeEvent, "timeNs">;

/** Events in one order, with strictly rising times; the last 256 are kept for replay. */
export class EventBus {
  readonly #kept: RuntimeEvent[] = [];
  readonly #readers = new Set<(event: RuntimeEvent) => void>();
  #origin = { wallNs: 0n, hrNs: 0n };
  #lastNs = 0n;

  publish(event: NewEvent): void {
    const timed = { ...event, timeNs: this.#tick() };
    this.#kept.push(timed);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const reader of [...this.#readers]) reader(timed);
  }

  /** Subscribed at the call, not at the first step of the iteration. `invalid` for an unknown filter. */
  read(options: EventOptions = {}, signal?: AbortSignal): AsyncIterable<RuntimeEvent> {
    const { filters = {}, sinceNs, untilNs } = options;
    checkEventFilters(filters);
    const queue = new AsyncQueue<RuntimeEvent>();
    let behind = 0;
    const offer = (event: RuntimeEvent) => {
      if ((untilNs !== undefined && event.timeNs > untilNs) || !matchesEvent(event, filters)) return;
      if (++behind > MAX_BEHIND) stop(new RuntimeError("exhausted", "Cannot keep more events: read faster"));
      else queue.push(event);
    };
    const stop = (error?: unknown) => {
      this.#readers.delete(offer);
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      queue.close(error);
    };
    const abort = () => stop();
    const timer = untilNs === undefined ? undefined : setTimeout(stop, this.#msUntil(untilNs));
    if (sinceNs !== undefined) for (const event of this.#kept) if (event.timeNs >= sinceNs) offer(event);
    this.#readers.add(offer);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted || (untilNs !== undefined && this.#msUntil(untilNs) <= 0)) stop();
    return {
      async *[Symbol.asyncIterator]() {
        try {
          for await (const event of queue) {
            behind--;
            yield event;
          }
        } finally {
          stop();
        }
      },
    };
  }

  /** The machine's clock, which is set now and then, and goes on while the machine sleeps; by another one finer. */
  #now(): bigint {
    const wallNs = BigInt(Date.now()) * NS_PER_MS;
    const hrNs = process.hrtime.bigint();
    const fineNs = this.#origin.wallNs + (hrNs - this.#origin.hrNs);
    if (fineNs >= wallNs && fineNs < wallNs + NS_PER_MS) return fineNs;
    this.#origin = { wallNs, hrNs };
    return wallNs;
  }

  #tick(): bigint {
    const now = this.#now();
    this.#lastNs = now > this.#lastNs ? now : this.#lastNs + 1n;
    return this.#lastNs;
  }

  #msUntil(untilNs: bigint): number {
    return Math.min(Number((untilNs - this.#now()) / NS_PER_MS), MAX_TIMER_MS);
  }
}
