import { AsyncQueue } from "../../lib/async-queue.ts";
import type { Clock } from "../../lib/clock.ts";
import {
  checkEventFilters,
  type EventOptions,
  type EventType,
  matchesEvent,
  type RuntimeEvent,
} from "../index.ts";

const KEPT = 256;

/** Events in order, the last few kept for replay. */
export class EventLog {
  readonly #clock: Clock;
  readonly #kept: RuntimeEvent[] = [];
  readonly #readers = new Set<(event: RuntimeEvent) => void>();
  #lastNs = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  publish(type: EventType, action: string, id: string, attributes: Readonly<Record<string, string>>): void {
    const nowNs = BigInt(Math.floor(this.#clock.now() * 1000)) * 1000n;
    this.#lastNs = nowNs > this.#lastNs ? nowNs : this.#lastNs + 1n;
    const event: RuntimeEvent = { type, action, id, attributes, timeNs: this.#lastNs };
    this.#kept.push(event);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const reader of [...this.#readers]) reader(event);
  }

  /** Subscribed at the call, not at the first step of the iteration. */
  read(options: EventOptions = {}, signal?: AbortSignal): AsyncIterable<RuntimeEvent> {
    const { filters = {}, sinceNs, untilNs } = options;
    checkEventFilters(filters);
    const queue = new AsyncQueue<RuntimeEvent>();
    const offer = (event: RuntimeEvent) => {
      if (untilNs !== undefined && event.timeNs > untilNs) return;
      if (matchesEvent(event, filters)) queue.push(event);
    };
    if (sinceNs !== undefined) for (const event of this.#kept) if (event.timeNs >= sinceNs) offer(event);
    this.#readers.add(offer);
    const stop = () => {
      this.#readers.delete(offer);
      queue.close();
    };
    const end = new AbortController();
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    if (untilNs !== undefined) {
      const leftMs = Number(untilNs / 1_000_000n) - this.#clock.now();
      if (leftMs <= 0) stop();
      else this.#clock.sleep(leftMs, end.signal).then(stop, () => undefined);
    }
    return {
      async *[Symbol.asyncIterator]() {
        try {
          yield* queue;
        } finally {
          stop();
          end.abort();
        }
      },
    };
  }
}

export function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
