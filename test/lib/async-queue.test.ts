import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { AsyncQueue } from "../../src/lib/async-queue.ts";
import { until } from "../support/until.ts";

it("lets go of what was read, also when the reader never quite catches up", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage = runInNewContext("gc") as () => void;
  const queue = new AsyncQueue<Buffer>();
  queue.push(Buffer.alloc(1 << 15));
  const reader = queue[Symbol.asyncIterator]();
  const before = process.memoryUsage().arrayBuffers;
  for (let read = 0; read < 4000; read++) {
    queue.push(Buffer.alloc(1 << 15));
    await reader.next();
  }
  const heldBytes = () => process.memoryUsage().arrayBuffers - before;
  // V8 gives the memory of buffers back in a thread of its own, some time after the collection.
  await until(
    async () => {
      collectGarbage();
      return heldBytes() < 64 << 20;
    },
    "the collection",
    3_000,
  ).catch(() => {});
  expect(heldBytes()).toBeLessThan(64 << 20);
});

it("gives everything in order, read one by one or in bursts", async () => {
  const queue = new AsyncQueue<number>();
  const seen: number[] = [];
  const reading = (async () => {
    for await (const value of queue) seen.push(value);
  })();
  for (let value = 0; value < 5000; value++) {
    queue.push(value);
    if (value % 7 === 0) await Promise.resolve();
  }
  queue.close();
  await reading;
  expect(seen).toEqual(Array.from({ length: 5000 }, (_, value) => value));
});
