import { describe, expect, it } from "vitest";
import { type Desired, desiredAfter } from "../../src/planner/index.ts";
import { Controller, type ControllerOptions, type Report } from "../../src/reconciler/index.ts";
import { needs, stackOf } from "../planner/stack-builder.ts";
import { IMAGE, openWorld, statuses, type World } from "./support.ts";

const SERVER = { image: IMAGE, command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"] };

/** A controller at work over a memory runtime, with the store in a map. */
class Harbour {
  readonly world: World;
  readonly stored = new Map<string, Desired>();
  readonly reports: Report[] = [];
  readonly faults: unknown[] = [];
  readonly controller: Controller;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;

  constructor(world: World, more: Partial<ControllerOptions> = {}) {
    this.world = world;
    this.controller = new Controller({
      runtime: world.runtime,
      clock: world.clock,
      store: {
        names: async () => [...this.stored.keys()],
        get: async (name) => this.stored.get(name),
        amend: async (name, desired) => void this.stored.set(name, desired),
      },
      onReport: (report) => this.reports.push(report),
      onFault: (_name, error) => this.faults.push(error),
      onGone: async (name) => void this.stored.delete(name),
      ...more,
    });
  }

  store(...stacks: readonly ReturnType<typeof stackOf>[]): void {
    for (const stack of stacks) {
      const desired = desiredAfter({ do: "up" }, { stack });
      if (desired !== undefined) this.stored.set(stack.name, desired);
    }
  }

  run(): void {
    this.#running = this.controller.run(this.#end.signal);
  }

  async end(): Promise<void> {
    this.#end.abort();
    await this.world.clock.turnUntil(this.#running ?? Promise.resolve());
  }
}

async function atWork(
  stacks: readonly ReturnType<typeof stackOf>[],
  act: (harbour: Harbour) => Promise<void>,
  options: { readonly world?: World; readonly more?: Partial<ControllerOptions> } = {},
): Promise<void> {
  const harbour = new Harbour(options.world ?? openWorld(), options.more);
  harbour.store(...stacks);
  harbour.run();
  try {
    await act(harbour);
  } finally {
    await harbour.end();
  }
}

describe("the controller", () => {
  it("brings stored stacks up when it begins", async () => {
    await atWork(
      [stackOf({ web: SERVER }), stackOf({ app: SERVER }, { name: "other" })],
      async ({ world, controller }) => {
        await world.clock.turn(2_000);
        expect(await statuses(world.runtime)).toEqual({ "other-app-1": "running", "shop-web-1": "running" });
        expect(controller.statusOf("shop")?.state).toBe("settled");
      },
    );
  });

  it("puts right what somebody does to a container, soon after it is done", async () => {
    await atWork([stackOf({ web: SERVER })], async ({ world }) => {
      await world.clock.turn(2_000);
      await world.runtime.containers.remove("shop-web-1", { force: true });
      await world.clock.turn(500);
      expect(await statuses(world.runtime)).toEqual({ "shop-web-1": "running" });
    });
  });

  it("does nothing once more that was done, when its container is cleared away", async () => {
    const task = { image: IMAGE, command: ["true"] };
    const web = { ...SERVER, depends_on: needs("task", "service_completed_successfully") };
    await atWork([stackOf({ task, web })], async ({ world, stored }) => {
      const { containers } = world.runtime;
      await world.clock.turn(2_000);
      expect(await statuses(world.runtime)).toEqual({ "shop-task-1": "exited", "shop-web-1": "running" });
      expect(stored.get("shop")?.services).toEqual({
        task: { state: "running", hasFinished: true },
        web: { state: "running" },
      });
      await containers.remove("shop-task-1");
      await containers.remove("shop-web-1", { force: true });
      await world.clock.turn(2_000);
      expect(await statuses(world.runtime)).toEqual({ "shop-web-1": "running" });
    });
  });

  it("calls no stack settled that it is about to look at", async () => {
    await atWork([stackOf({ web: SERVER })], async ({ world, controller }) => {
      controller.poke("shop");
      expect(controller.statusOf("shop")?.state).toBe("working");
      await world.clock.turn(2_000);
      expect(controller.statusOf("shop")?.state).toBe("settled");
      await world.runtime.containers.kill("shop-web-1");
      await world.clock.turn(100);
      expect(controller.statusOf("shop")?.state).toBe("working");
    });
  });

  it("puts right a volume that was removed, which no container's event tells", async () => {
    const stack = stackOf({ web: SERVER }, { volumes: { data: { name: "shop_data" } } });
    await atWork([stack], async ({ world }) => {
      await world.clock.turn(2_000);
      await world.runtime.volumes.remove("shop_data");
      await world.clock.turn(500);
      expect((await world.runtime.volumes.list()).map(({ name }) => name)).toEqual(["shop_data"]);
    });
  });

  it("does nothing, and reports nothing, while nothing changes", async () => {
    await atWork([stackOf({ web: SERVER })], async ({ world, reports }) => {
      await world.clock.turn(2_000);
      const before = reports.length;
      await world.clock.turn(600_000);
      expect(reports.length).toBe(before);
    });
  });

  it("tries a failing stack again, ever more rarely, and says when it is stuck", async () => {
    const world = openWorld({ registry: () => undefined });
    const stack = stackOf({ web: { ...SERVER, image: "missing:1" } });
    await atWork(
      [stack],
      async ({ controller, reports }) => {
        await world.clock.turn(5_000);
        expect(controller.statusOf("shop")?.state).toBe("retrying");
        const early = reports.length;
        expect(early).toBeGreaterThanOrEqual(3);
        await world.clock.turn(600_000);
        expect(controller.statusOf("shop")).toMatchObject({ state: "stuck" });
        expect(reports.length).toBeLessThan(early + 12);
        world.runtime.addImage("missing:1");
        await world.clock.turn(300_000);
        expect(controller.statusOf("shop")?.state).toBe("settled");
        expect(await statuses(world.runtime)).toEqual({ "shop-web-1": "running" });
      },
      { world },
    );
  });

  it("stops fighting with somebody who undoes every repair", async () => {
    await atWork([stackOf({ web: SERVER })], async ({ world, controller, reports }) => {
      await world.clock.turn(2_000);
      const signal = new AbortController();
      const filters = { type: ["container"], event: ["start"] };
      const undoing = (async () => {
        for await (const { id } of world.runtime.events({ filters }, signal.signal))
          await world.runtime.containers.remove(id, { force: true });
      })();
      await world.runtime.containers.remove("shop-web-1", { force: true });
      await world.clock.turn(120_000);
      expect(controller.statusOf("shop")?.state).toMatch(/retrying|stuck/);
      expect(reports.length).toBeLessThan(25);
      signal.abort();
      await undoing;
    });
  });

  it("serves a person first, ending a pass that only waits", async () => {
    const slow = { ...SERVER, healthcheck: { test: ["CMD", "true"], interval: "10m" } };
    const stack = stackOf({ db: slow, web: { ...SERVER, depends_on: needs("db", "service_healthy") } });
    await atWork([stack], async ({ world, controller, stored }) => {
      await world.clock.turn(5_000);
      expect((await statuses(world.runtime))["shop-web-1"]).toBe("created");
      const previous = stored.get("shop");
      const desired = desiredAfter({ do: "stop" }, previous === undefined ? {} : { previous });
      if (desired === undefined) throw new Error("nothing desired");
      const asked = controller.ask({
        request: { do: "stop" },
        desired,
        approve: async () => {
          stored.set("shop", desired);
          return true;
        },
      });
      const report = await world.clock.turnUntil(asked, 20_000);
      expect(report.outcome).toBe("done");
      await world.clock.turn(120_000);
      expect(await statuses(world.runtime)).toEqual({ "shop-db-1": "exited", "shop-web-1": "created" });
    });
  });

  it("repairs one service while another's health is still awaited", async () => {
    const slow = { ...SERVER, healthcheck: { test: ["CMD", "true"], interval: "10m" } };
    const stack = stackOf({
      db: slow,
      web: { ...SERVER, depends_on: needs("db", "service_healthy") },
      other: SERVER,
    });
    await atWork([stack], async ({ world }) => {
      await world.clock.turn(5_000);
      await world.runtime.containers.remove("shop-other-1", { force: true });
      await world.clock.turn(60_000);
      expect((await statuses(world.runtime))["shop-other-1"]).toBe("running");
    });
  });

  it("lets a hook come to its end, however long it takes", async () => {
    const migrated = { ...SERVER, pre_start: [{ command: ["sleep", "40"] }] };
    await atWork([stackOf({ web: migrated })], async ({ world }) => {
      await world.clock.turn(60_000);
      expect(await statuses(world.runtime)).toEqual({ "shop-web-1": "running" });
    });
  });

  it("finishes an interrupted down, and says that the stack has gone", async () => {
    const world = openWorld();
    const stack = stackOf({ web: SERVER });
    await atWork(
      [stack],
      async ({ stored, controller }) => {
        await world.clock.turn(2_000);
        const previous = stored.get("shop");
        const desired = desiredAfter({ do: "down" }, previous === undefined ? {} : { previous });
        if (desired !== undefined) stored.set("shop", desired);
        controller.poke("shop");
        await world.clock.turn(5_000);
        expect(await statuses(world.runtime)).toEqual({});
        expect(stored.has("shop")).toBe(false);
      },
      { world },
    );
  });

  it("takes up again when the runtime was away", async () => {
    const world = openWorld();
    let isAway = false;
    const containers = new Proxy(world.runtime.containers, {
      get: (target, key) => {
        if (key === "list" && isAway) return () => Promise.reject(new Error("away"));
        return Reflect.get(target, key);
      },
    });
    const more = { runtime: { ...world.runtime, containers } };
    await atWork(
      [stackOf({ web: SERVER })],
      async ({ controller, faults }) => {
        await world.clock.turn(2_000);
        isAway = true;
        await world.runtime.containers.remove("shop-web-1", { force: true });
        await world.clock.turn(2_000);
        expect(faults.length).toBeGreaterThan(0);
        expect(controller.statusOf("shop")?.state).toBe("retrying");
        isAway = false;
        await world.clock.turn(10_000);
        expect(await statuses(world.runtime)).toEqual({ "shop-web-1": "running" });
      },
      { world, more },
    );
  });
});
