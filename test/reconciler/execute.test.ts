import { describe, expect, it } from "vitest";
import type { Plan, Step } from "../../src/planner/index.ts";
import { execute } from "../../src/reconciler/index.ts";

function step(id: string, after: readonly string[] = [], more: Partial<Step> = {}): Step {
  const container = { name: id, service: id };
  return { id, do: "start", container, reason: { cause: "test" }, after, ...more } as Step;
}

function planOf(steps: readonly Step[]): Plan {
  return { stackName: "s", steps, problems: [], hazards: [], notes: [], kept: [], refreshes: [] };
}

async function run(
  steps: readonly Step[],
  perform: (id: string) => Promise<void> | void,
  options: {
    readonly concurrency?: number;
    readonly imagesAtOnce?: number;
    readonly signal?: AbortSignal;
  } = {},
) {
  const { concurrency = 4, signal = new AbortController().signal, imagesAtOnce } = options;
  const results = await execute(planOf(steps), {
    concurrency,
    ...(imagesAtOnce !== undefined && { imagesAtOnce }),
    signal,
    perform: async ({ id }) => perform(id),
  });
  return Object.fromEntries(results.map((result) => [result.step.id, result.status]));
}

describe("the executor", () => {
  it("starts a step only when everything before it is done", async () => {
    const order: string[] = [];
    const statuses = await run(
      [step("a"), step("b", ["a"]), step("c", ["a"]), step("d", ["b", "c"])],
      (id) => void order.push(id),
    );
    expect(order.at(0)).toBe("a");
    expect(order.at(-1)).toBe("d");
    expect(new Set(Object.values(statuses))).toEqual(new Set(["done"]));
  });

  it("skips what comes after a failure, and nothing else", async () => {
    const statuses = await run([step("a"), step("b", ["a"]), step("c", ["b"]), step("d")], (id) => {
      if (id === "a") throw new Error("no");
    });
    expect(statuses).toEqual({ a: "failed", b: "skipped", c: "skipped", d: "done" });
  });

  it("goes on after an optional step, whether it failed or could not begin", async () => {
    const optional = step("wait", ["a"], { isOptional: true });
    const steps = [step("a"), optional, step("b", ["wait"])];
    const failA = await run(steps, (id) => {
      if (id === "a") throw new Error("no");
    });
    expect(failA).toEqual({ a: "failed", wait: "warned", b: "done" });
    const failWait = await run(steps, (id) => {
      if (id === "wait") throw new Error("no");
    });
    expect(failWait).toEqual({ a: "done", wait: "warned", b: "done" });
  });

  it("does so many at once, and no more; what only waits takes no place", async () => {
    let running = 0;
    let most = 0;
    const release: (() => void)[] = [];
    const steps = [
      ...Array.from({ length: 6 }, (_, index) => step(`s${index}`)),
      step("w", [], { do: "wait-healthy" }),
    ];
    const done = run(
      steps,
      async (id) => {
        if (id === "w") return;
        running += 1;
        most = Math.max(most, running);
        await new Promise<void>((resolve) => release.push(resolve));
        running -= 1;
      },
      { concurrency: 2 },
    );
    for (let left = 6; left > 0; ) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const go of release.splice(0)) {
        go();
        left -= 1;
      }
    }
    await done;
    expect(most).toBe(2);
  });

  it("does fewer pulls and builds at once where that is asked, and everything else meanwhile", async () => {
    const begun: string[] = [];
    const images = [step("one", [], { do: "pull" }), step("two", [], { do: "build" })];
    let release = () => {};
    const isReleased = new Promise<void>((resolve) => {
      release = resolve;
    });
    const done = run(
      [...images, step("other")],
      async (id) => {
        begun.push(id);
        if (id === "other") release();
        await isReleased;
      },
      { imagesAtOnce: 1 },
    );
    await isReleased;
    expect(begun).toEqual(["one", "other"]);
    await done;
    expect(begun).toEqual(["one", "other", "two"]);
  });

  it("begins nothing once it is aborted, and says what it skipped", async () => {
    const end = new AbortController();
    const statuses = await run(
      [step("a"), step("b", ["a"]), step("c", ["a"], { isOptional: true })],
      () => end.abort(),
      { signal: end.signal },
    );
    expect(statuses).toEqual({ a: "done", b: "skipped", c: "skipped" });
  });

  it("waits no longer than its patience, and does to the end what it has begun", async () => {
    const patience = new AbortController();
    const steps = [
      step("slow"),
      step("after", ["slow"]),
      step("sick", [], { do: "wait-healthy" } as Partial<Step>),
      step("needs", ["sick"]),
    ];
    const perform = async ({ id }: Step, signal: AbortSignal) => {
      if (id === "sick") await new Promise((_, reject) => signal.addEventListener("abort", reject));
      if (id !== "slow") return;
      // By then the other one waits.
      await new Promise(setImmediate);
      patience.abort();
      await Promise.resolve();
      signal.throwIfAborted();
    };
    const signals = { signal: new AbortController().signal, patience: patience.signal };
    const results = await execute(planOf(steps), { concurrency: 1, perform, ...signals });
    expect(results.map(({ status }) => status)).toEqual(["done", "done", "failed", "skipped"]);
  });

  it("never rejects", async () => {
    await expect(run([step("a", ["missing"])], () => undefined)).resolves.toEqual({ a: "skipped" });
  });
});
