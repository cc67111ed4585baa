import { describe, expect, it } from "vitest";
import {
  type Desired,
  desiredAfter,
  makePlan,
  type Observed,
  type Plan,
  renderPlan,
} from "../../src/planner/index.ts";
import { observe, reconcile } from "../../src/reconciler/index.ts";
import { type MemoryRuntime, openMemoryRuntime, TurnableClock } from "../../src/runtime/memory/index.ts";
import type { Stack } from "../../src/spec/index.ts";
import { fc } from "../support/fast-check.ts";
import { arbitraryStack } from "./arbitrary-stack.ts";

/** More with FC_RUNS, for a long search. */
const RUNS = { numRuns: Number(process.env["FC_RUNS"] ?? 150) };

/** What somebody else may do to a container. */
type Upset = "stop" | "kill" | "remove" | "pause" | "disconnect" | "rename";
const arbitraryUpsets = fc.array(
  fc.tuple(fc.nat(20), fc.constantFrom<Upset>("stop", "kill", "remove", "pause", "disconnect", "rename")),
  { maxLength: 4 },
);

interface World {
  readonly clock: TurnableClock;
  readonly runtime: MemoryRuntime;
}

function openWorld(): World {
  const clock = new TurnableClock();
  return {
    clock,
    runtime: openMemoryRuntime({
      clock,
      images: { "one:1": {}, "two:1": { config: { volumes: ["/lib"] } } },
    }),
  };
}

function desiredFor(stack: Stack): Desired {
  const desired = desiredAfter({ do: "up" }, { stack });
  if (desired === undefined) throw new Error("nothing is desired");
  return desired;
}

async function up({ clock, runtime }: World, stack: Stack) {
  const { signal } = new AbortController();
  const desired = desiredFor(stack);
  const pass = reconcile({ runtime, clock, desired, signal, request: { do: "up", removeOrphans: true } });
  return clock.turnUntil(pass);
}

async function look({ clock, runtime }: World, stack: Stack): Promise<Observed> {
  const desired = desiredFor(stack);
  return clock.turnUntil(observe(runtime, stack.name, desired, { nowMs: clock.now() }));
}

async function upset({ clock, runtime }: World, [index, what]: readonly [number, Upset]): Promise<void> {
  const all = await runtime.containers.list({ all: true });
  const container = all[index % Math.max(1, all.length)];
  if (container === undefined) return;
  const { id, endpoints } = container;
  const [network] = Object.keys(endpoints);
  const acts: Readonly<Record<Upset, () => Promise<unknown>>> = {
    stop: () => runtime.containers.stop(id, { timeoutSeconds: 1 }),
    kill: () => runtime.containers.kill(id),
    remove: () => runtime.containers.remove(id, { force: true }),
    pause: () => runtime.containers.pause(id),
    disconnect: () => (network === undefined ? Promise.resolve() : runtime.networks.disconnect(network, id)),
    rename: () => runtime.containers.rename(id, `other-${id.slice(0, 6)}`),
  };
  await clock.turnUntil(acts[what]().catch(() => undefined));
}

describe("planning", { timeout: 120_000 }, () => {
  it("leaves nothing to do once a plan has been carried out, whatever was there before", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryStack, arbitraryStack, arbitraryUpsets, async (before, after, upsets) => {
        const world = openWorld();
        expect((await up(world, before)).outcome).toMatch(/done|unchanged/);
        for (const one of upsets) await upset(world, one);
        const report = await up(world, after);
        const errors = report.results.flatMap((result) =>
          result.status === "failed" ? [String(result.error)] : [],
        );
        expect([errors, report.plan.problems]).toEqual([[], []]);
        await world.clock.turn(5_000);
        for (const isHold of [false, true]) {
          const plan = makePlan({ do: "up", isHold }, desiredFor(after), await look(world, after));
          expect(renderPlan(plan)).toBe("stack shop: nothing to do\n");
        }
      }),
      RUNS,
    );
  });

  it("puts no step before what it needs, and removes nothing without a cause", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryStack, arbitraryStack, arbitraryUpsets, async (before, after, upsets) => {
        const world = openWorld();
        await up(world, before);
        for (const one of upsets) await upset(world, one);
        const observed = await look(world, after);
        const plan = makePlan({ do: "up", removeOrphans: true }, desiredFor(after), observed);
        checkOrder(plan, after);
        checkRemovals(plan, after, observed);
        expect(Object.keys(after.volumes).every((key) => !hasStep(plan, `volume/shop_${key}:remove`))).toBe(
          true,
        );
      }),
      RUNS,
    );
  });

  it("gives the same text for the same input, also when that went through JSON", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryStack, arbitraryStack, async (before, after) => {
        const world = openWorld();
        await up(world, before);
        const observed = await look(world, after);
        const desired = desiredFor(after);
        const text = renderPlan(makePlan({ do: "up" }, desired, observed));
        const again: { readonly observed: Observed; readonly desired: Desired } = JSON.parse(
          JSON.stringify({ observed, desired }),
        );
        expect(renderPlan(makePlan({ do: "up" }, again.desired, again.observed))).toBe(text);
      }),
      { numRuns: 50 },
    );
  });

  it("takes everything down that it brought up", async () => {
    await fc.assert(
      fc.asyncProperty(arbitraryStack, async (stack) => {
        const world = openWorld();
        const { runtime, clock } = world;
        await up(world, stack);
        const request = { do: "down", removeVolumes: true } as const;
        const desired = desiredAfter(request, { previous: desiredFor(stack) });
        if (desired === undefined) throw new Error("nothing is desired");
        const { signal } = new AbortController();
        const report = await clock.turnUntil(reconcile({ runtime, clock, request, desired, signal }));
        expect(report.outcome).toMatch(/done|unchanged/);
        expect(await runtime.containers.list({ all: true })).toEqual([]);
        expect(await runtime.volumes.list()).toEqual([]);
        expect((await runtime.networks.list()).map(({ name }) => name)).toEqual(["bridge", "host", "none"]);
      }),
      { numRuns: 60 },
    );
  });
});

function hasStep(plan: Plan, id: string): boolean {
  return plan.steps.some((step) => step.id === id);
}

/** Every step that comes before a step, directly or not. */
function ancestors(plan: Plan): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { id, after } of plan.steps) {
    const all = new Set<string>();
    for (const earlier of after) {
      const theirs = found.get(earlier);
      // An edge to a later step would be missing here.
      expect(theirs).toBeDefined();
      all.add(earlier);
      for (const one of theirs ?? []) all.add(one);
    }
    found.set(id, all);
  }
  return found;
}

function checkOrder(plan: Plan, stack: Stack): void {
  const before = ancestors(plan);
  const startsOf = (service: string) =>
    plan.steps.filter((step) => step.do === "start" && step.container.service === service);
  for (const step of plan.steps) {
    if (step.do === "start") {
      const { service, name } = step.container;
      const created = `container/${name}:create`;
      if (hasStep(plan, created)) expect(before.get(step.id)).toContain(created);
      for (const needed of Object.keys(stack.services[service]?.depends_on ?? {}))
        for (const start of startsOf(needed)) expect(before.get(step.id)).toContain(start.id);
    }
    if (step.do === "create-container") {
      for (const network of Object.keys(step.spec.networks ?? {}))
        if (hasStep(plan, `network/${network}:create`))
          expect(before.get(step.id)).toContain(`network/${network}:create`);
      for (const owner of Object.values(step.joins?.containerNames ?? {}))
        if (hasStep(plan, `container/${owner}:create`))
          expect(before.get(step.id)).toContain(`container/${owner}:create`);
    }
  }
}

function checkRemovals(plan: Plan, stack: Stack, observed: Observed): void {
  for (const step of plan.steps) {
    if (step.do !== "remove") continue;
    const { id, service } = step.container;
    expect(step.reason.cause).not.toBe("");
    const isOrphan = !(service in stack.services);
    const isReplaced = plan.steps.some((one) => one.do === "create-container" && one.replaces?.id === id);
    const wanted = stack.services[service]?.scale ?? 1;
    const there = observed.containers.filter(
      (one) => one.labels["com.docker.compose.service"] === service,
    ).length;
    expect(isOrphan || isReplaced || there > wanted).toBe(true);
  }
}
