import { describe, expect, it } from "vitest";
import type { Plan } from "../../src/planner/index.ts";
import type { Service } from "../../src/spec/index.ts";
import { IMAGE, openWorld, Person, statuses } from "../reconciler/support.ts";
import { stackOf } from "./stack-builder.ts";

const SERVER: Service = {
  image: IMAGE,
  command: ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"],
  scale: 3,
};

function changed(service: Service, parallelism?: number) {
  const environment = { A: "now" };
  const update_config = parallelism === undefined ? {} : { parallelism };
  return stackOf({ web: { ...service, environment, deploy: { update_config } } });
}

/** What the stop of each old container waits for, besides that its successor is made. */
function turnsOf({ steps }: Plan): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    steps.flatMap(({ id, do: what, after }) =>
      what === "stop" ? [[id, after.filter((one) => !one.endsWith(":create"))] as const] : [],
    ),
  );
}

describe("update_config.parallelism", () => {
  it.each<readonly [string, number | undefined, readonly (readonly string[])[]]>([
    ["absent replaces all at once", undefined, [[], [], []]],
    ["0 replaces all at once", 0, [[], [], []]],
    ["1 replaces one by one", 1, [[], ["container/shop-web-1:start"], ["container/shop-web-2:start"]]],
    ["2 replaces two at a time", 2, [[], [], ["container/shop-web-1:start"]]],
    ["above the scale replaces all at once", 4, [[], [], []]],
  ])("that is %s", async (_what, parallelism, turns) => {
    const person = new Person(openWorld());
    await person.up(stackOf({ web: SERVER }));
    const report = await person.up(changed(SERVER, parallelism));
    expect([report.outcome, Object.values(turnsOf(report.plan))]).toEqual(["done", turns]);
    expect((await person.hold()).outcome).toBe("unchanged");
  });

  it("holds too where the old container is removed before the new one is made", async () => {
    const person = new Person(openWorld());
    const { runtime } = person.world;
    const stack = changed(SERVER, 1);
    await person.up(stack);
    const names = Object.keys(await statuses(runtime));
    for (const name of names) await runtime.networks.disconnect("shop_default", name);
    await runtime.networks.remove("shop_default");
    const { plan } = await person.up(stack);
    expect(Object.values(turnsOf(plan)).map((turn) => turn.filter((one) => one.endsWith(":start")))).toEqual([
      [],
      ["container/shop-web-1:start"],
      ["container/shop-web-2:start"],
    ]);
  });

  it("waits until a container is healthy, and goes no further when it is not", async () => {
    const person = new Person(openWorld());
    const healthcheck = { test: ["CMD", "true"], interval: "1s" };
    const sick = { test: ["CMD", "false"], interval: "1s", retries: 2 };
    await person.up(stackOf({ web: { ...SERVER, healthcheck } }));
    const good = await person.up(changed({ ...SERVER, healthcheck }, 1));
    expect([good.outcome, Object.values(turnsOf(good.plan))]).toEqual([
      "done",
      [[], ["container/shop-web-1:wait-running"], ["container/shop-web-2:wait-running"]],
    ]);
    const bad = await person.up(changed({ ...SERVER, healthcheck: sick }, 1));
    const failed = bad.results.flatMap((result) =>
      result.status === "failed" ? [String(result.error)] : [],
    );
    expect(failed).toEqual([expect.stringContaining("container shop-web-1 is unhealthy")]);
    expect(bad.results.flatMap(({ step, status }) => (step.do === "stop" ? [status] : []))).toEqual([
      "done",
      "skipped",
      "skipped",
    ]);
  });
});
