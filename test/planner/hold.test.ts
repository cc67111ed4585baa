import { describe, expect, it } from "vitest";
import type { Request } from "../../src/planner/index.ts";
import type { Service } from "../../src/spec/index.ts";
import { IMAGE, openWorld, Person, statuses } from "../reconciler/support.ts";
import { needs, stackOf } from "./stack-builder.ts";

const SERVER: Service = {
  image: IMAGE,
  command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"],
};

describe("while nobody asks, a service that nobody asked for", () => {
  const depending = stackOf({ web: { ...SERVER, depends_on: needs("db") }, db: SERVER });
  it.each<readonly [string, readonly Request[]]>([
    ["up --no-deps left out", [{ do: "up", services: ["web"], noDeps: true }]],
    ["rm took away", [{ do: "up" }, { do: "rm", services: ["db"], stop: true }]],
    ["down took away", [{ do: "up" }, { do: "down", services: ["db"] }]],
  ])("stays away after %s, though another depends on it", async (_what, requests) => {
    const person = new Person(openWorld());
    for (const request of requests) await person.ask(request, depending);
    expect((await person.hold()).outcome).toBe("unchanged");
    await person.world.clock.turnUntil(person.world.runtime.containers.stop("shop-web-1"));
    expect((await person.hold()).outcome).toBe("done");
    expect(await statuses(person.world.runtime)).toEqual({ "shop-web-1": "running" });
  });

  it("stays away though another shares its network, which is left as it is", async () => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: { ...SERVER, network_mode: "service:db" }, db: SERVER, log: SERVER }));
    await person.ask({ do: "rm", services: ["db"], stop: true });
    await person.world.runtime.containers.remove("shop-log-1", { force: true });
    const report = await person.hold();
    expect(report.plan.notes).toEqual([
      { kind: "waiting", path: "services.web", message: "left as it is: web is missing dependency db" },
    ]);
    expect(await statuses(person.world.runtime)).toEqual({
      "shop-log-1": "running",
      "shop-web-1": "running",
    });
  });
});

it("while nobody asks, services start after those they depend on", async () => {
  const person = new Person(openWorld());
  await person.up(stackOf({ web: { ...SERVER, depends_on: needs("db") }, db: SERVER }));
  for (const name of ["shop-web-1", "shop-db-1"])
    await person.world.clock.turnUntil(person.world.runtime.containers.stop(name));
  const { plan } = await person.hold();
  expect(plan.steps.map(({ id, after }) => [id, after])).toEqual([
    ["container/shop-db-1:start", []],
    ["container/shop-web-1:start", ["container/shop-db-1:start"]],
  ]);
});

describe("while nobody asks, a port", () => {
  const ports = [{ target: 80, published: "8080" }];
  it.each<readonly [string, Service, readonly Request[]]>([
    ["was stopped", SERVER, [{ do: "stop", services: ["blue"] }]],
    ["ended by itself", { image: IMAGE, command: ["true"] }, []],
  ])("is not kept from a service by another that %s", async (_what, service, requests) => {
    const person = new Person(openWorld());
    const { runtime, clock } = person.world;
    const stack = stackOf({ blue: { ...service, ports }, green: { ...SERVER, ports } });
    await person.up(stack, { services: ["blue"] });
    for (const request of requests) await person.ask(request);
    await person.up(stack, { services: ["green"] });
    await runtime.containers.remove("shop-green-1", { force: true });
    expect((await person.hold()).plan.notes).toEqual([]);
    expect(await statuses(runtime)).toEqual({ "shop-blue-1": "exited", "shop-green-1": "running" });
    await clock.turnUntil(runtime.containers.stop("shop-green-1"));
    expect((await person.hold()).plan.notes).toEqual([]);
  });

  it("is kept from a service by another that runs", async () => {
    const person = new Person(openWorld());
    const stack = stackOf({ blue: { ...SERVER, ports }, green: { ...SERVER, ports } });
    await person.up(stack, { services: ["blue"] });
    const { plan } = await person.up(stack, { services: ["green"] });
    expect(plan.problems).toMatchObject([{ kind: "taken-port", path: "services.green.ports[0]" }]);
  });
});

describe("while nobody asks, an image that cannot be had", () => {
  const typo = { ...SERVER, image: "typo:1", environment: { A: "now" } };
  const openWorldWithoutTypo = () =>
    openWorld({ images: { [IMAGE]: {}, "other:1": {} }, registry: () => undefined });

  it("keeps no service from being put right but those made from it and those that need them", async () => {
    const person = new Person(openWorldWithoutTypo());
    const { runtime } = person.world;
    const stack = stackOf({
      web: SERVER,
      db: { ...SERVER, image: "other:1" },
      app: { ...SERVER, depends_on: needs("db") },
      loose: { ...SERVER, depends_on: needs("db", "service_started", { required: false }) },
    });
    await person.up(stack);
    for (const name of Object.keys(await statuses(runtime)))
      await runtime.containers.remove(name, { force: true });
    await runtime.networks.remove("shop_default");
    await runtime.images.remove("other:1");
    const report = await person.hold();
    expect(report.outcome).toBe("failed");
    expect(report.plan.steps.map(({ id }) => id)).not.toContain("images:ready");
    expect(await statuses(runtime)).toEqual({
      "shop-loose-1": "running",
      "shop-web-1": "running",
    });
  });

  it("stops nothing that restarts with a service made from it", async () => {
    const person = new Person(openWorldWithoutTypo());
    const follows = { ...SERVER, depends_on: needs("db", "service_started", { restart: true }) };
    const joins = { ...SERVER, network_mode: "service:db" };
    await person.up(stackOf({ web: follows, log: joins, db: SERVER, other: SERVER }));
    const before = await statuses(person.world.runtime);
    const stack = stackOf({ web: follows, log: joins, db: typo, other: SERVER });
    expect((await person.up(stack)).outcome).toBe("failed");
    await person.world.runtime.containers.remove("shop-other-1", { force: true });
    const report = await person.hold();
    const done = report.results.flatMap(({ step, status }) => (status === "done" ? step.id : []));
    expect(done).toEqual(["container/shop-other-1:create", "container/shop-other-1:start"]);
    expect(await statuses(person.world.runtime)).toEqual(before);
  });

  it("has nothing made that would take the place of a container once it is here", async () => {
    const person = new Person(openWorldWithoutTypo());
    const web = { ...SERVER, depends_on: needs("db") };
    await person.up(stackOf({ web, db: SERVER }));
    const stack = stackOf({ web: { ...web, environment: { A: "now" } }, db: typo });
    expect((await person.up(stack)).outcome).toBe("failed");
    expect((await person.hold()).outcome).toBe("failed");
    expect(await statuses(person.world.runtime)).toEqual({ "shop-db-1": "running", "shop-web-1": "running" });
  });

  it("takes nobody off a network that is made anew", async () => {
    const person = new Person(openWorldWithoutTypo());
    await person.up(stackOf({ web: SERVER, db: SERVER }));
    const changed = { networks: { default: { name: "shop_default", driver_opts: { a: "b" } } } };
    expect((await person.up(stackOf({ web: SERVER, db: typo }, changed))).outcome).toBe("failed");
    const report = await person.hold();
    expect(report.plan.steps.map(({ id }) => id)).toContain("network/shop_default:remove");
    expect(report.results.every(({ status }) => status !== "done")).toBe(true);
    expect(await statuses(person.world.runtime)).toEqual({ "shop-db-1": "running", "shop-web-1": "running" });
  });

  it("is tried again, and the container made from it then has the anonymous volumes of the last one", async () => {
    const served = new Set<string>();
    const config = { volumes: ["/lib"] };
    const registry = (name: string) => (served.has(name) ? { config } : undefined);
    const person = new Person(openWorld({ images: { [IMAGE]: { config } }, registry }));
    const { runtime } = person.world;
    await person.up(stackOf({ db: SERVER }));
    const { mounts } = await runtime.containers.inspect("shop-db-1");
    expect((await person.up(stackOf({ db: typo }))).outcome).toBe("failed");
    served.add("typo:1");
    expect((await person.hold()).outcome).toBe("done");
    const { image, mounts: now } = await runtime.containers.inspect("shop-db-1");
    expect([image, now.map(({ name }) => name)]).toEqual(["typo:1", mounts.map(({ name }) => name)]);
    expect((await person.hold()).outcome).toBe("unchanged");
  });
});
