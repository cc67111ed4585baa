import { afterEach, describe, expect, it, vi } from "vitest";
import { EventBus } from "../../../src/runtime/engine/event-bus.ts";

afterEach(() => {
  vi.useRealTimers();
});

async function timesOf(bus: EventBus): Promise<readonly bigint[]> {
  const end = new AbortController();
  const events = bus.read({ sinceNs: 0n }, end.signal);
  end.abort();
  const times: bigint[] = [];
  for await (const { timeNs } of events) times.push(timeNs);
  return times;
}

const EVENT = { type: "container", action: "start", id: "1", attributes: {} } as const;
const MS = 1_000_000n;

describe("the times of events", () => {
  it("rise, and are the machine's", async () => {
    const bus = new EventBus();
    const beginMs = BigInt(Date.now());
    for (let n = 0; n < 100; n++) bus.publish(EVENT);
    const endMs = BigInt(Date.now() + 1);
    const times = await timesOf(bus);
    expect(times).toHaveLength(100);
    for (const [n, time] of times.entries()) expect(time > (times[n - 1] ?? beginMs * MS - 1n)).toBe(true);
    expect((times.at(-1) ?? 0n) < endMs * MS).toBe(true);
  });

  it("go with the machine's clock when that is set, or the machine has slept", async () => {
    const bus = new EventBus();
    bus.publish(EVENT);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
    const setMs = BigInt(Date.now());
    bus.publish(EVENT);
    const [, second = 0n] = await timesOf(bus);
    expect(second / MS).toBe(setMs);
  });
});
