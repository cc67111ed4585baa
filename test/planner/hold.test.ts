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
