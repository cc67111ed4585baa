import { describe, expect, it } from "vitest";
import { AsyncQueue } from "../../src/lib/async-queue.ts";
import { type ContainerRuntime, type OutputChunk, RuntimeError } from "../../src/runtime/index.ts";
import type { Service, Volume } from "../../src/spec/index.ts";
import { needs, stackOf, volumeOf } from "../planner/stack-builder.ts";
import { until } from "../support/until.ts";
import { IMAGE, openWorld, Person, statuses } from "./support.ts";

const SERVER = { image: IMAGE, command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"] };
const HEALTHY = { ...SERVER, healthcheck: { test: ["CMD", "true"], interval: "1s" } };
const SICK = { ...SERVER, healthcheck: { test: ["CMD", "false"], interval: "1s", retries: 2 } };
const TASK = { image: IMAGE, command: ["true"] };
const FAILING = { image: IMAGE, command: ["sh", "-c", "exit 3"] };

const failures = (report: Awaited<ReturnType<Person["up"]>>) =>
  report.results.flatMap((result) =>
    result.status === "failed" && result.error instanceof Error ? [result.error.message] : [],
  );

describe("bringing a stack up", () => {
  it("goes in order of dependency, and has nothing to do afterwards", async () => {
    const person = new Person(openWorld());
    const stack = stackOf(
      {
        web: {
          ...SERVER,
          depends_on: {
            ...needs("db", "service_healthy"),
            ...needs("init", "service_completed_successfully"),
          },
        },
        init: { ...TASK, depends_on: needs("db", "service_healthy") },
        db: { ...HEALTHY, volumes: [{ type: "volume", source: "data", target: "/data" }] },
      },
      { volumes: volumeOf("data") },
    );
    expect((await person.up(stack)).outcome).toBe("done");
    expect(await statuses(person.world.runtime)).toEqual({
      "shop-db-1": "running",
      "shop-init-1": "exited",
      "shop-web-1": "running",
    });
    const words = person.words().filter((text) => text.startsWith("Container"));
    expect(words.slice(-8)).toEqual([
      "Container shop-db-1 Waiting",
      "Container shop-db-1 Healthy",
      "Container shop-init-1 Starting",
      "Container shop-init-1 Started",
      "Container shop-init-1 Waiting",
      "Container shop-init-1 Exited",
      "Container shop-web-1 Starting",
      "Container shop-web-1 Started",
    ]);
    expect(await person.plan({ do: "up" }, stack)).toBe("stack shop: nothing to do\n");
    expect((await person.up(stack)).outcome).toBe("unchanged");
    expect((await person.hold()).outcome).toBe("unchanged");
  });

  it("starts nothing that needs a service which is unhealthy, and says so in Compose's words", async () => {
    const person = new Person(openWorld());
    const report = await person.up(
      stackOf({ web: { ...SERVER, depends_on: needs("db", "service_healthy") }, db: SICK }),
    );
    expect(report.outcome).toBe("failed");
    expect(failures(report)).toEqual(["dependency failed to start: container shop-db-1 is unhealthy"]);
    expect((await statuses(person.world.runtime))["shop-web-1"]).toBe("created");
  });

  it("says which dependency has no health check, exited, or did not complete", async () => {
    const cases = [
      [
        SERVER,
        "service_healthy",
        "dependency failed to start: container shop-db-1 has no healthcheck configured",
      ],
      [
        { ...FAILING, healthcheck: HEALTHY.healthcheck },
        "service_healthy",
        "dependency failed to start: container shop-db-1 exited (3)",
      ],
      [FAILING, "service_completed_successfully", `service "db" didn't complete successfully: exit 3`],
    ] as const;
    for (const [db, condition, message] of cases) {
      const person = new Person(openWorld());
      const report = await person.up(stackOf({ web: { ...SERVER, depends_on: needs("db", condition) }, db }));
      expect(failures(report)).toEqual([message]);
    }
  });

  it("goes on with a warning where the dependency is not required", async () => {
    const person = new Person(openWorld());
    const report = await person.up(
      stackOf({
        web: { ...SERVER, depends_on: needs("db", "service_healthy", { required: false }) },
        db: SICK,
      }),
    );
    expect(report.outcome).toBe("done");
    expect(report.results.filter(({ status }) => status === "warned")).toHaveLength(1);
    expect((await statuses(person.world.runtime))["shop-web-1"]).toBe("running");
  });

  it("tells what the engine cannot give a container", async () => {
    const person = new Person(openWorld());
    const { runtime } = person.world;
    const containers: ContainerRuntime["containers"] = Object.create(runtime.containers, {
      create: {
        value: async (...args: Parameters<ContainerRuntime["containers"]["create"]>) => ({
          ...(await runtime.containers.create(...args)),
          warnings: ["OomKillDisable discarded."],
        }),
      },
    });
    const report = await person.ask({ do: "up" }, stackOf({ web: SERVER }), {
      runtime: { ...runtime, containers },
    });
    expect(report.outcome).toBe("done");
    expect(person.events).toContainEqual(
      expect.objectContaining({
        object: "Service",
        name: "web",
        word: "Warning",
        phase: "warning",
        text: "OomKillDisable discarded.",
      }),
    );
  });

  it("runs a finished one again when it is named or watched, but not what others only wait for", async () => {
    const person = new Person(openWorld());
    const init = needs("init", "service_completed_successfully");
    const stack = stackOf({ web: { ...SERVER, depends_on: init }, init: TASK, report: TASK });
    await person.up(stack);
    const plan = (services: readonly string[]) =>
      person.plan({ do: "up", services, runsFinished: true }, stack);
    const started = "stack shop: 1 step\n 1  container/shop-report-1:start  exited (0), should run\n";
    expect(await plan([])).toBe(started);
    expect(await plan(["report", "web"])).toBe(started);
    expect(await plan(["init"])).toBe(started.replace("report", "init"));
  });

  it("runs a failed task again, but not a finished one", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ good: TASK, bad: FAILING });
    await person.up(stack);
    await person.world.clock.turn(10);
    expect(await person.plan({ do: "up" }, stack)).toBe(
      "stack shop: 1 step\n 1  container/shop-bad-1:start  exited (3), should run\n",
    );
    expect((await person.hold()).outcome).toBe("unchanged");
  });

  it("changes nothing while an image is missing, or cannot be pulled", async () => {
    const world = openWorld({ registry: () => undefined });
    const person = new Person(world);
    const stack = stackOf({ web: SERVER, other: { ...SERVER, image: "nothing:1" } });
    const report = await person.up(stack);
    expect(report.outcome).toBe("failed");
    expect(failures(report)).toEqual([`Cannot pull image "nothing:1"`]);
    expect(await statuses(world.runtime)).toEqual({});
    const never = stackOf({ other: { ...SERVER, image: "nothing:1", pull_policy: "never" } });
    const refused = await person.up(never);
    expect(refused.outcome).toBe("refused");
    expect(refused.plan.problems[0]).toMatchObject({ kind: "missing-image", path: "services.other.image" });
    expect((await world.runtime.networks.list()).map(({ name }) => name)).not.toContain("shop_default");
  });

  it("says before the first change which port is taken, and by whom", async () => {
    const world = openWorld();
    const ports = [{ target: 80, published: "8080" }];
    await new Person(world).up(stackOf({ web: { ...SERVER, ports } }, { name: "other" }));
    const report = await new Person(world).up(stackOf({ web: { ...SERVER, ports } }));
    expect(report.outcome).toBe("refused");
    expect(report.plan.problems.map(({ message }) => message)).toEqual([
      'port 8080 is taken by container "other-web-1", choose another',
    ]);
    expect(Object.keys(await statuses(world.runtime))).toEqual(["other-web-1"]);
  });

  it("says so too when a container of the stack has the port, which the plan does not touch", async () => {
    const person = new Person(openWorld());
    const ports = [{ target: 80, published: "8080" }];
    await person.up(stackOf({ old: { ...SERVER, ports } }));
    const report = await person.up(stackOf({ web: { ...SERVER, ports } }));
    expect(report.plan.problems.map(({ message }) => message)).toEqual([
      'port 8080 is taken by container "shop-old-1", choose another',
    ]);
    const cleared = await person.up(stackOf({ web: { ...SERVER, ports } }), { removeOrphans: true });
    expect(cleared.outcome).toBe("done");
  });

  it("swaps a published port between two services, whichever of them needs the other", async () => {
    const stack = (first: string, second: string) =>
      stackOf({
        a: { ...HEALTHY, ports: [{ target: 80, published: first }] },
        b: {
          ...HEALTHY,
          ports: [{ target: 80, published: second }],
          depends_on: needs("a", "service_healthy"),
        },
      });
    for (const [first, second] of [
      ["8082", "8081"],
      ["8082", "8083"],
      ["8083", "8081"],
    ] as const) {
      const person = new Person(openWorld());
      await person.up(stack("8081", "8082"));
      expect((await person.up(stack(first, second))).outcome).toBe("done");
      expect((await person.up(stack(first, second))).outcome).toBe("unchanged");
    }
  });

  it("refuses a missing external network and volume in Compose's words", async () => {
    const person = new Person(openWorld());
    const report = await person.up(
      stackOf(
        { web: { ...SERVER, networks: { front: null } } },
        {
          networks: { front: { name: "front", external: true } },
          volumes: { data: { name: "data", external: true } },
        },
      ),
    );
    expect(report.plan.problems.map(({ message }) => message)).toEqual([
      "network front declared as external, but could not be found",
      'external volume "data" not found',
    ]);
  });

  it("brings secrets and configs with inline content into the container before it starts", async () => {
    const person = new Person(openWorld());
    const stack = stackOf(
      {
        web: {
          image: IMAGE,
          command: ["cat", "/run/secrets/key", "/etc/app.conf"],
          secrets: [{ source: "key" }],
          configs: [{ source: "app", target: "/etc/app.conf", mode: "0400" }],
        },
      },
      {
        secrets: { key: { name: "shop_key", environment: "KEY", content: "s3cret" } },
        configs: { app: { name: "shop_app", content: "port=1" } },
      },
    );
    await person.up(stack);
    const { containers } = person.world.runtime;
    let text = "";
    for await (const { data } of containers.logs("shop-web-1")) text += Buffer.from(data).toString();
    expect(text).toBe("s3cretport=1");
    const changed = { ...stack, configs: { app: { name: "shop_app", content: "port=2" } } };
    expect(await person.plan({ do: "up" }, changed)).toContain("container/shop-web-1:create");
  });

  it("runs hooks after the start and before the stop, and fails with them", async () => {
    const person = new Person(openWorld());
    const hook = (text: string) => ({ command: ["sh", "-c", text] });
    const stack = stackOf({
      web: { ...SERVER, post_start: [hook("touch /a"), hook("test -f /a")], pre_stop: [hook("exit 4")] },
      next: { ...SERVER, depends_on: needs("web") },
    });
    expect((await person.up(stack)).outcome).toBe("done");
    expect(await person.plan({ do: "stop" })).toContain("container/shop-web-1:pre-stop-1");
    const report = await person.ask({ do: "stop" });
    expect(failures(report)).toEqual(["web hook exited with status 4"]);
  });

  it("runs what a service wants done before it once, before its first start and when it is replaced", async () => {
    const person = new Person(openWorld());
    const web = { ...SERVER, pre_start: [{ command: ["true"] }, { command: ["sh", "-c", "exit 3"] }] };
    const failed = await person.up(stackOf({ web }));
    expect(failures(failed)).toEqual(["web pre_start[1] hook exited with status 3"]);
    expect(await statuses(person.world.runtime)).toEqual({ "shop-web-1": "created" });
    const mended = (more: object) =>
      stackOf({ web: { ...SERVER, pre_start: [{ command: ["true"] }], ...more } });
    const hooks = /pre-start-\d/g;
    const two = mended({ scale: 2 });
    const plan = await person.plan({ do: "up" }, two);
    expect(plan.match(/container\/shop-web-\d:pre-start-\d/g)).toEqual(["container/shop-web-1:pre-start-1"]);
    expect((await person.up(two)).outcome).toBe("done");
    expect(await statuses(person.world.runtime)).toEqual({
      "shop-web-1": "running",
      "shop-web-2": "running",
    });
    expect(await person.plan({ do: "up" }, mended({ scale: 3 }))).not.toMatch(hooks);
    expect(await person.plan({ do: "up" }, mended({ scale: 2, user: "5" }))).toMatch(hooks);
    await person.ask({ do: "stop" });
    expect(await person.plan({ do: "start" })).toMatch(hooks);
  });

  it("waits until all runs when asked to", async () => {
    const person = new Person(openWorld());
    const report = await person.up(stackOf({ web: HEALTHY, plain: SERVER }), { wait: true });
    expect(report.outcome).toBe("done");
    const { state } = await person.world.runtime.containers.inspect("shop-web-1");
    expect(state.health?.status).toBe("healthy");
    const sick = new Person(openWorld());
    const failed = await sick.up(stackOf({ web: SICK }), { wait: true });
    expect(failures(failed)).toEqual(["container shop-web-1 is unhealthy"]);
  });

  it("takes nobody for running who ends at once", async () => {
    const person = new Person(openWorld());
    const brief = { image: IMAGE, command: ["sh", "-c", "sleep 0.2; exit 3"] };
    const report = await person.up(stackOf({ web: brief }), { wait: true });
    expect(failures(report)).toEqual(["container shop-web-1 exited (3)"]);
  });

  it("gives up waiting after the time it was given", async () => {
    const slow = { ...SERVER, healthcheck: { test: ["CMD", "true"], interval: "10m" } };
    const person = new Person(openWorld());
    const report = await person.up(stackOf({ web: slow }), { wait: true, waitTimeoutMs: 5_000 });
    expect(failures(report)).toEqual(["container shop-web-1 was not ready within 5 s"]);
  });

  it("stops in the middle when it is aborted, and finishes the next time", async () => {
    const person = new Person(openWorld());
    const end = new AbortController();
    const slow = { ...SERVER, healthcheck: { test: ["CMD", "true"], interval: "1m" } };
    const stack = stackOf({ web: { ...SERVER, depends_on: needs("db", "service_healthy") }, db: slow });
    const report = await person.ask({ do: "up" }, stack, {
      signal: end.signal,
      onProgress: (event) => {
        if (event.kind === "object" && event.word === "Waiting") end.abort();
      },
    });
    expect(report.outcome).toBe("cancelled");
    expect((await person.up(stack)).outcome).toMatch(/done|unchanged/);
    expect((await statuses(person.world.runtime))["shop-web-1"]).toBe("running");
  });
});

describe("changing a stack", () => {
  it("replaces only the containers whose declaration differs, and says what differs", async () => {
    const person = new Person(openWorld());
    const before = stackOf({ web: { ...SERVER, environment: { LEVEL: "info", PASSWORD: "a" } }, db: SERVER });
    await person.up(before);
    const ids = await idsOf(person);
    const after = stackOf({ web: { ...SERVER, environment: { LEVEL: "debug", PASSWORD: "b" } }, db: SERVER });
    expect(await person.plan({ do: "up" }, after)).toBe(
      [
        "stack shop: 5 steps",
        " 1  container/shop-web-1:create  changed",
        '        env.LEVEL: "info" -> "debug"',
        "        env.PASSWORD: (hidden) -> (hidden)",
        " 2  container/shop-web-1:stop    replaced           after 1",
        " 3  container/shop-web-1:remove  replaced           after 1 2",
        " 4  container/shop-web-1:rename  its place is free  after 3",
        " 5  container/shop-web-1:start   recreated          after 4",
        'hazard: interruption: web is away while container "shop-web-1" is replaced',
        "",
      ].join("\n"),
    );
    person.events.length = 0;
    expect((await person.up(after)).outcome).toBe("done");
    expect(person.words()).toEqual([
      "Container shop-db-1 Running",
      "Container shop-web-1 Recreate",
      "Container shop-web-1 Recreated",
      "Container shop-web-1 Starting",
      "Container shop-web-1 Started",
    ]);
    const now = await idsOf(person);
    expect(now["shop-db-1"]).toBe(ids["shop-db-1"]);
    expect(now["shop-web-1"]).not.toBe(ids["shop-web-1"]);
    expect((await person.up(after)).outcome).toBe("unchanged");
  });

  it("hands anonymous volumes over, or renews them when asked", async () => {
    const person = new Person(openWorld());
    const volumes = [{ type: "volume" as const, target: "/cache" }];
    const stack = (level: string) => stackOf({ web: { ...SERVER, volumes, environment: { LEVEL: level } } });
    const volume = async () =>
      (await person.world.runtime.containers.inspect("shop-web-1")).mounts[0]?.name ?? "";
    await person.up(stack("1"));
    const first = await volume();
    await person.up(stack("2"));
    expect(await volume()).toBe(first);
    expect((await person.up(stack("2"))).outcome).toBe("unchanged");
    await person.up(stack("2"), { recreate: "force", renewAnonymousVolumes: true });
    expect(await volume()).not.toBe(first);
    expect((await person.world.runtime.volumes.list()).map(({ name }) => name)).not.toContain(first);
  });

  it("replaces containers when their image is another one by now", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ web: SERVER });
    await person.up(stack);
    person.world.runtime.addImage(IMAGE);
    expect((await person.hold()).outcome).toBe("unchanged");
    expect(await person.plan({ do: "up" }, stack)).toContain("image changed");
    await person.up(stack);
    expect((await person.up(stack)).outcome).toBe("unchanged");
  });

  it("builds what another build starts from before it, though nobody asked for that service", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({
      app: { build: { context: ".", additional_contexts: { pre: "service:base" } } },
      base: { image: "base:1", build: { context: "." }, pull_policy: "build" },
    });
    const plan = await person.plan({ do: "up", services: ["app"] }, stack);
    expect(plan).toMatch(/1 {2}image\/base:1:build .*\n 2 {2}image\/shop-app:build +missing +after 1/);
  });

  it("builds first and replaces only for a new image", async () => {
    const { Readable } = await import("node:stream");
    const person = new Person(openWorld());
    const { runtime, clock } = person.world;
    const stack = stackOf({ web: { command: SERVER.command, build: { context: "/srv/shop" } } });
    const { reconcile } = await import("../../src/reconciler/index.ts");
    const up = (options: object) =>
      clock.turnUntil(
        reconcile({
          runtime,
          clock,
          request: { do: "up", ...options },
          desired: person.desire({ do: "up" }, stack),
          signal: new AbortController().signal,
          edge: { buildContext: async () => ({ context: Readable.from([]) }) },
        }),
      );
    expect((await up({})).results.map(({ step }) => step.id)).toContain("image/shop-web:build");
    expect((await up({})).outcome).toBe("unchanged");
    const again = await up({ build: "always" });
    expect(again.outcome).toBe("done");
    expect(again.results.map(({ step }) => step.id).slice(0, 2)).toEqual([
      "image/shop-web:build",
      "container/shop-web-1:create",
    ]);
  });

  it("keeps what differs when asked to, also while nobody asks, and scales down to what does not", async () => {
    const person = new Person(openWorld());
    const stack = (level: string) => stackOf({ web: { ...SERVER, environment: { LEVEL: level } } });
    await person.up(stack("1"), { scale: { web: 2 } });
    await person.up(stack("2"), { recreate: "never", scale: { web: 3 } });
    expect((await person.hold()).outcome).toBe("unchanged");
    await person.up(stack("2"), { scale: { web: 1 } });
    expect(await statuses(person.world.runtime)).toEqual({ "shop-web-3": "running" });
    expect((await person.hold()).outcome).toBe("unchanged");
  });

  it("scales up and down, keeping the lowest numbers", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ web: SERVER });
    await person.up(stack, { scale: { web: 3 } });
    expect(Object.keys(await statuses(person.world.runtime))).toEqual([
      "shop-web-1",
      "shop-web-2",
      "shop-web-3",
    ]);
    expect((await person.hold()).outcome).toBe("unchanged");
    await person.up(stack, { scale: { web: 2 } });
    expect(Object.keys(await statuses(person.world.runtime))).toEqual(["shop-web-1", "shop-web-2"]);
    await person.up(stack);
    expect(Object.keys(await statuses(person.world.runtime))).toEqual(["shop-web-1"]);
  });

  it("makes a changed network anew, and its containers with it", async () => {
    const person = new Person(openWorld());
    const stack = (internal: boolean) =>
      stackOf(
        { web: { ...SERVER, networks: { front: null } }, db: { ...SERVER, networks: { back: null } } },
        { networks: { front: { name: "shop_front", internal }, back: { name: "shop_back" } } },
      );
    await person.up(stack(false));
    const ids = await idsOf(person);
    expect((await person.up(stack(true))).outcome).toBe("done");
    expect((await person.world.runtime.networks.inspect("shop_front")).internal).toBe(true);
    const now = await idsOf(person);
    expect(now["shop-db-1"]).toBe(ids["shop-db-1"]);
    expect((await person.up(stack(true))).outcome).toBe("unchanged");
  });

  it("makes two changed networks anew, and gives whoever stays on both back to them as it was", async () => {
    const person = new Person(openWorld());
    const stack = (internal: boolean, services: Readonly<Record<string, Service>>) =>
      stackOf(services, {
        networks: {
          front: { name: "shop_front", internal },
          back: { name: "shop_back", internal, ipam: { config: [{ subnet: "10.77.0.0/24" }] } },
        },
      });
    const web = { ...SERVER, networks: { front: null, back: null } };
    const back = { aliases: ["postgres"], ipv4_address: "10.77.0.9" };
    const old = { ...SERVER, networks: { front: null, back } };
    await person.up(stack(false, { web, old }));
    const ids = await idsOf(person);
    expect((await person.up(stack(true, { web }))).outcome).toBe("done");
    expect((await idsOf(person))["shop-old-1"]).toBe(ids["shop-old-1"]);
    const { endpoints, state } = await person.world.runtime.containers.inspect("shop-old-1");
    expect(state.status).toBe("running");
    expect(endpoints["shop_back"]).toMatchObject({
      aliases: ["shop-old-1", "old", "postgres"],
      ipv4Address: "10.77.0.9",
    });
  });

  it("waits with a one-off container for what its service needs, as its conditions say", async () => {
    const person = new Person(openWorld());
    const healthy = { ...SERVER, healthcheck: { test: ["CMD", "true"], interval: "1s" } };
    const stack = stackOf({
      db: healthy,
      job: { image: IMAGE, command: ["true"] },
      web: {
        ...SERVER,
        depends_on: { ...needs("db", "service_healthy"), ...needs("job", "service_completed_successfully") },
      },
    });
    const request = { do: "up", services: ["web"], prepare: ["web"] } as const;
    const text = await person.plan(request, stack);
    expect(text).toMatch(/container\/shop-db-1:wait-healthy/);
    expect(text).toMatch(/container\/shop-job-1:wait-completed/);
    expect(await person.plan({ ...request, noDeps: true }, stack)).not.toMatch(/wait/);
    expect((await person.ask(request, stack)).outcome).toBe("done");
    expect(await statuses(person.world.runtime)).toEqual({ "shop-db-1": "running", "shop-job-1": "exited" });
  });

  it("keeps a volume that is declared differently, with a hazard, and replaces it only when asked", async () => {
    const person = new Person(openWorld());
    const stack = (labels: Readonly<Record<string, string>>) =>
      stackOf(
        { db: { ...SERVER, volumes: [{ type: "volume", source: "data", target: "/data" }] } },
        { volumes: volumeOf("data", { labels }) },
      );
    await person.up(stack({ a: "1" }));
    const kept = await person.up(stack({ a: "2" }));
    expect(kept.outcome).toBe("unchanged");
    expect(kept.plan.hazards.map(({ kind }) => kind)).toEqual(["kept-old"]);
    const replaced = await person.up(stack({ a: "2" }), { recreateVolumes: true });
    expect(replaced.outcome).toBe("done");
    expect(replaced.plan.hazards.map(({ kind }) => kind)).toContain("data-loss");
    expect((await person.world.runtime.volumes.inspect("shop_data")).labels["a"]).toBe("2");
    expect((await person.up(stack({ a: "2" }))).outcome).toBe("unchanged");
  });

  it("removes with a down the volumes alone that are declared, and none that is external by now", async () => {
    const person = new Person(openWorld());
    const mounted = { ...SERVER, volumes: [{ type: "volume", source: "data", target: "/data" }] } as const;
    const withData = (more: Partial<Volume>) => stackOf({ db: mounted }, { volumes: volumeOf("data", more) });
    const names = async () => (await person.world.runtime.volumes.list()).map(({ name }) => name);
    await person.up(withData({}));
    await person.ask({ do: "down" });
    await person.up(stackOf({ other: SERVER }));
    expect((await person.ask({ do: "down", removeVolumes: true })).outcome).toBe("done");
    expect(await names()).toEqual(["shop_data"]);
    await person.up(withData({}));
    await person.ask({ do: "down", removeVolumes: true }, withData({ external: true }));
    expect(await names()).toEqual(["shop_data"]);
    await person.up(withData({}));
    await person.ask({ do: "down", removeVolumes: true }, withData({}));
    expect(await names()).toEqual([]);
  });

  it("notes orphans, and removes them when asked", async () => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: SERVER, old: SERVER }));
    const stack = stackOf({ web: SERVER });
    const noted = await person.up(stack);
    expect(noted.outcome).toBe("unchanged");
    expect(noted.plan.notes[0]?.message).toContain(
      "Found orphan containers ([shop-old-1]) for this project.",
    );
    await person.up(stack, { removeOrphans: true });
    expect(Object.keys(await statuses(person.world.runtime))).toEqual(["shop-web-1"]);
  });

  it("leaves services alone that are in no active profile", async () => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: SERVER, debug: SERVER }));
    const stack = stackOf({ web: SERVER }, { disabled: { debug: { ...SERVER, profiles: ["debug"] } } });
    const report = await person.up(stack);
    expect(report.outcome).toBe("unchanged");
    expect(report.plan.notes).toEqual([]);
  });

  it("changes only the chosen services and what they need", async () => {
    const person = new Person(openWorld());
    const stack = (level: string) => {
      const environment = { LEVEL: level };
      return stackOf({
        web: { ...SERVER, environment, depends_on: needs("db") },
        db: { ...SERVER, environment },
        other: { ...SERVER, environment },
      });
    };
    await person.up(stack("1"));
    await person.up(stack("2"), { services: ["web"] });
    expect((await person.hold()).outcome).toBe("unchanged");
    const plan = await person.plan({ do: "up" }, stack("2"));
    expect(plan).toContain("container/shop-other-1:create");
    expect(plan).not.toContain("web");
  });

  it("restarts with a replaced dependency those that asked for it", async () => {
    const person = new Person(openWorld());
    const stack = (level: string) =>
      stackOf({
        web: { ...SERVER, depends_on: needs("db", "service_started", { restart: true }) },
        db: { ...SERVER, environment: { LEVEL: level } },
      });
    await person.up(stack("1"));
    const report = await person.up(stack("2"));
    const ids = report.results.map(({ step }) => step.id);
    expect(ids.indexOf("container/shop-web-1:stop")).toBeLessThan(ids.indexOf("container/shop-db-1:stop"));
    expect(ids).toContain("container/shop-web-1:start");
    expect(ids).not.toContain("container/shop-web-1:create");
  });

  it("makes anew what shares the network of a replaced container", async () => {
    const person = new Person(openWorld());
    const stack = (level: string) =>
      stackOf({
        proxy: { ...SERVER, network_mode: "service:web" },
        web: { ...SERVER, environment: { LEVEL: level } },
      });
    await person.up(stack("1"));
    expect((await person.up(stack("1"))).outcome).toBe("unchanged");
    expect((await person.up(stack("2"))).outcome).toBe("done");
    const { containers } = person.world.runtime;
    const { id } = await containers.inspect("shop-web-1");
    expect((await containers.inspect("shop-proxy-1")).networkMode).toBe(`container:${id}`);
    expect((await person.up(stack("2"))).outcome).toBe("unchanged");
  });

  it("finishes a replacement that was interrupted after any of its steps", async () => {
    for (let calls = 0; calls < 5; calls += 1) {
      const person = new Person(openWorld());
      const stack = (level: string) => stackOf({ web: { ...SERVER, environment: { LEVEL: level } } });
      await person.up(stack("1"));
      const broken = failingAfter(person, calls);
      const report = await person.ask({ do: "up" }, stack("2"), { runtime: broken });
      expect(report.outcome).toBe("failed");
      expect((await person.up(stack("2"))).outcome).toBe("done");
      expect(await statuses(person.world.runtime)).toEqual({ "shop-web-1": "running" });
      const { spec } = await person.world.runtime.containers.inspect("shop-web-1");
      expect(spec.env).toEqual(["LEVEL=2"]);
      expect((await person.up(stack("2"))).outcome).toBe("unchanged");
    }
  });
});

describe("drift", () => {
  it("of every kind is put right", async () => {
    const stack = stackOf(
      {
        web: { ...SERVER, networks: { default: null, back: null } },
        db: { ...SERVER, restart: "always" },
      },
      { networks: { back: { name: "shop_back" } } },
    );
    const upsets: Readonly<Record<string, (person: Person) => Promise<unknown>>> = {
      stopped: ({ world }) => world.clock.turnUntil(world.runtime.containers.stop("shop-web-1")),
      killed: ({ world }) => world.runtime.containers.kill("shop-db-1"),
      paused: ({ world }) => world.runtime.containers.pause("shop-web-1"),
      removed: ({ world }) => world.runtime.containers.remove("shop-web-1", { force: true }),
      renamed: ({ world }) => world.runtime.containers.rename("shop-web-1", "else"),
      disconnected: ({ world }) => world.runtime.networks.disconnect("shop_back", "shop-web-1"),
      "everything removed": async ({ world }) => {
        for (const name of ["shop-web-1", "shop-db-1"])
          await world.runtime.containers.remove(name, { force: true });
        for (const name of ["shop_default", "shop_back"]) await world.runtime.networks.remove(name);
      },
    };
    for (const [what, upset] of Object.entries(upsets)) {
      const person = new Person(openWorld());
      await person.up(stack);
      await upset(person);
      expect([what, (await person.hold()).outcome]).toEqual([what, "done"]);
      expect([what, (await person.hold()).outcome]).toEqual([what, "unchanged"]);
      expect(await statuses(person.world.runtime)).toEqual({
        "shop-db-1": "running",
        "shop-web-1": "running",
      });
      const { endpoints } = await person.world.runtime.containers.inspect("shop-web-1");
      expect(Object.keys(endpoints).sort()).toEqual(["shop_back", "shop_default"]);
    }
  });

  it("is what others start of a service that was stopped", async () => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: SERVER, db: SERVER }));
    await person.ask({ do: "stop", services: ["web"] });
    expect((await person.hold()).outcome).toBe("unchanged");
    await person.world.runtime.containers.start("shop-web-1");
    expect((await person.hold()).outcome).toBe("done");
    expect((await statuses(person.world.runtime))["shop-web-1"]).toBe("exited");
  });

  it("is not what ended by itself", async () => {
    const person = new Person(openWorld());
    await person.up(
      stackOf({
        done: TASK,
        failed: FAILING,
        waits: { ...SERVER, depends_on: needs("failed", "service_completed_successfully") },
      }),
    );
    const report = await person.hold();
    expect(report.outcome).toBe("unchanged");
    expect(report.plan.notes).toEqual([
      { kind: "waiting", path: "services.waits", message: "waits is not started: failed has exited (3)" },
    ]);
  });

  it("in the middle of a pass leaves no volume that the stack does not know", async () => {
    const person = new Person(openWorld());
    const { runtime } = person.world;
    const stack = stackOf(
      { web: { ...SERVER, volumes: [{ type: "volume", source: "data", target: "/data" }] } },
      { volumes: volumeOf("data") },
    );
    const upset: ContainerRuntime = {
      ...runtime,
      containers: {
        ...runtime.containers,
        create: async (...args) => {
          await runtime.volumes.remove("shop_data");
          return runtime.containers.create(...args);
        },
      },
    };
    await person.ask({ do: "up" }, stack, { runtime: upset });
    expect(await runtime.volumes.list()).toMatchObject([{ name: "shop_data" }]);
    await person.ask({ do: "down", removeVolumes: true });
    expect(await runtime.volumes.list()).toEqual([]);
  });

  it("of one service is repaired though another cannot be", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({
      web: SERVER,
      db: { ...SERVER, pull_policy: "never", image: "db:1" },
      app: { ...SERVER, depends_on: needs("db") },
    });
    person.world.runtime.addImage("db:1");
    await person.up(stack);
    for (const name of ["shop-web-1", "shop-db-1", "shop-app-1"])
      await person.world.runtime.containers.remove(name, { force: true });
    await person.world.runtime.images.remove("db:1");
    const report = await person.hold();
    expect(report.outcome).toBe("done");
    expect(await statuses(person.world.runtime)).toEqual({ "shop-web-1": "running" });
  });
});

describe("the narrower requests", () => {
  it("end with their signal though a container takes for ever to stop", async () => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: SERVER }));
    const { runtime } = person.world;
    const interrupt = new AbortController();
    const stubborn: ContainerRuntime = {
      ...runtime,
      containers: {
        ...runtime.containers,
        stop: () => {
          interrupt.abort();
          return new Promise(() => {});
        },
      },
    };
    const report = await person.ask({ do: "stop", timeoutSeconds: -1 }, undefined, {
      runtime: stubborn,
      signal: interrupt.signal,
    });
    expect(report.outcome).toBe("cancelled");
  });

  it.each(["startExec", "output"])("end with their signal though a hook does not end: %s", async (where) => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: { ...SERVER, pre_stop: [{ command: ["true"] }] } }));
    const { runtime } = person.world;
    const interrupt = new AbortController();
    let isLetGo = false;
    const startExec: ContainerRuntime["containers"]["startExec"] = async (id, options) => {
      const session = await runtime.containers.startExec(id, options);
      if (session === undefined) return undefined;
      const output = new AsyncQueue<OutputChunk>();
      setImmediate(() => interrupt.abort());
      if (where === "startExec") await new Promise((resolve) => setTimeout(resolve, 50));
      const close = () => {
        isLetGo = true;
        output.close();
      };
      return { ...session, output, close };
    };
    const report = await person.ask({ do: "stop" }, undefined, {
      runtime: { ...runtime, containers: { ...runtime.containers, startExec } },
      signal: interrupt.signal,
    });
    expect(report.outcome).toBe("cancelled");
    await until(() => isLetGo);
    expect(await statuses(runtime)).toEqual({ "shop-web-1": "running" });
  });

  it("stop, start, restart, pause, kill and remove in order of dependency", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ web: { ...SERVER, depends_on: needs("db") }, db: SERVER });
    await person.up(stack);
    const ids = async (request: Parameters<Person["ask"]>[0]) =>
      (await person.ask(request)).results.map(({ step, status }) => `${step.id} ${status}`);
    expect(await ids({ do: "stop" })).toEqual([
      "container/shop-web-1:stop done",
      "container/shop-db-1:stop done",
    ]);
    expect(await ids({ do: "start", services: ["web"] })).toEqual([
      "container/shop-db-1:start done",
      "container/shop-web-1:start done",
    ]);
    expect(await ids({ do: "restart" })).toEqual([
      "container/shop-db-1:restart done",
      "container/shop-web-1:restart done",
    ]);
    expect(await ids({ do: "pause", services: ["db"] })).toEqual(["container/shop-db-1:pause done"]);
    expect((await person.hold()).outcome).toBe("unchanged");
    expect(await ids({ do: "unpause" })).toEqual(["container/shop-db-1:unpause done"]);
    expect(await ids({ do: "kill", services: ["web"] })).toEqual(["container/shop-web-1:kill done"]);
    expect((await person.hold()).outcome).toBe("unchanged");
    expect(await ids({ do: "rm" })).toEqual(["container/shop-web-1:remove done"]);
    expect((await person.hold()).outcome).toBe("unchanged");
    expect(Object.keys(await statuses(person.world.runtime))).toEqual(["shop-db-1"]);
  });

  it("create without starting, and start later", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ web: { ...SERVER, depends_on: needs("db", "service_healthy") }, db: HEALTHY });
    await person.up(stack, { noStart: true });
    expect(await statuses(person.world.runtime)).toEqual({ "shop-db-1": "created", "shop-web-1": "created" });
    expect((await person.hold()).outcome).toBe("unchanged");
    await person.ask({ do: "start" });
    expect(await statuses(person.world.runtime)).toEqual({ "shop-db-1": "running", "shop-web-1": "running" });
  });

  it("pull each image once, and refuse names they do not know", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ a: { image: "x:1" }, b: { image: "x:1" }, c: { image: "y:1" } });
    const report = await person.ask({ do: "pull" }, stack);
    expect(report.results.map(({ step }) => step.id)).toEqual(["image/x:1:pull", "image/y:1:pull"]);
    const refused = await person.ask({ do: "stop", services: ["nobody"] }, stack);
    expect(refused.plan.problems[0]?.message).toBe("no such service: nobody");
  });

  it("take everything down, volumes and images only when asked", async () => {
    const person = new Person(openWorld());
    const stack = stackOf(
      {
        web: { ...SERVER, depends_on: needs("db") },
        db: { ...SERVER, volumes: [{ type: "volume", source: "data", target: "/data" }] },
      },
      { volumes: volumeOf("data") },
    );
    await person.up(stack);
    const report = await person.ask({ do: "down" });
    expect(report.results.map(({ step }) => step.id)).toEqual([
      "container/shop-web-1:stop",
      "container/shop-web-1:remove",
      "container/shop-db-1:stop",
      "container/shop-db-1:remove",
      "network/shop_default:remove",
    ]);
    expect(person.desired?.down).toEqual({});
    const { runtime } = person.world;
    expect((await runtime.volumes.list()).map(({ name }) => name)).toEqual(["shop_data"]);
    await person.up(stack);
    await person.ask({ do: "down", removeVolumes: true, removeImages: "all" });
    expect(await runtime.volumes.list()).toEqual([]);
    expect((await runtime.images.list()).length).toBe(0);
    expect((await person.ask({ do: "down" })).outcome).toBe("unchanged");
  });
});

async function idsOf({ world }: Person): Promise<Readonly<Record<string, string>>> {
  const all = await world.runtime.containers.list({ all: true });
  return Object.fromEntries(all.map(({ name, id }) => [name, id]));
}

/** The same runtime, whose changes of containers fail after so many. */
function failingAfter({ world }: Person, calls: number) {
  let left = calls;
  const { runtime } = world;
  const changing = new Set(["create", "stop", "remove", "rename", "start"]);
  const containers = new Proxy(runtime.containers, {
    get: (target, key) => {
      const method = Reflect.get(target, key) as (...parts: unknown[]) => unknown;
      if (typeof key !== "string" || !changing.has(key)) return method;
      return async (...parts: unknown[]) => {
        if (left === 0) throw new RuntimeError("unavailable", "the engine is away");
        left -= 1;
        return method(...parts);
      };
    },
  });
  return { ...runtime, containers };
}
