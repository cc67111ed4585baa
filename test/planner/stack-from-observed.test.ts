import { describe, expect, it } from "vitest";
import { desiredAfter, makePlan, stackFromObserved } from "../../src/planner/index.ts";
import { observe } from "../../src/reconciler/index.ts";
import { openWorld, Person } from "../reconciler/support.ts";
import { needs, stackOf, volumeOf } from "./stack-builder.ts";

describe("a stack known by its labels alone", () => {
  it("is stopped and taken down in order, whole", async () => {
    const person = new Person(openWorld());
    const server = { image: "busybox:1", command: ["sh", "-c", "while true; do sleep 1; done"] };
    await person.up(
      stackOf(
        {
          web: { ...server, scale: 2, depends_on: needs("db", "service_started", { restart: true }) },
          db: { ...server, volumes: [{ type: "volume", source: "data", target: "/d" }] },
        },
        { volumes: volumeOf("data") },
      ),
    );
    const observed = await observe(person.world.runtime, "shop");
    const stack = stackFromObserved(observed);
    expect(stack.services["web"]).toMatchObject({
      scale: 2,
      depends_on: { db: { condition: "service_started", restart: true } },
    });
    const request = { do: "down", removeVolumes: true } as const;
    const desired = desiredAfter(request, { stack });
    if (desired === undefined) throw new Error("nothing is desired");
    expect(makePlan(request, desired, observed).steps.map(({ id }) => id)).toEqual([
      "container/shop-web-1:stop",
      "container/shop-web-1:remove",
      "container/shop-web-2:stop",
      "container/shop-web-2:remove",
      "container/shop-db-1:stop",
      "container/shop-db-1:remove",
      "network/shop_default:remove",
      "volume/shop_data:remove",
    ]);
  });
});
