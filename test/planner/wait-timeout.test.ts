import { describe, expect, it } from "vitest";
import type { Request } from "../../src/planner/index.ts";
import type { Service } from "../../src/spec/index.ts";
import { IMAGE, openWorld, Person } from "../reconciler/support.ts";
import { needs, stackOf } from "./stack-builder.ts";

const SLOW: Service = {
  image: IMAGE,
  command: ["sleep", "1200"],
  healthcheck: { test: ["CMD", "true"], interval: "10m" },
};
const wait = { wait: true, waitTimeoutMs: 5_000 };
const started: readonly Request[] = [
  { do: "up", noStart: true },
  { do: "start", ...wait },
];

describe("--wait-timeout", () => {
  it.each<readonly [string, "service_healthy" | "service_completed_successfully", readonly Request[]]>([
    ["up for one that is not healthy yet", "service_healthy", [{ do: "up", ...wait }]],
    ["up for one that has not ended", "service_completed_successfully", [{ do: "up", ...wait }]],
    ["start for one that is not healthy yet", "service_healthy", started],
    ["start for one that has not ended", "service_completed_successfully", started],
  ])("bounds the wait of %s", async (_what, condition, requests) => {
    const person = new Person(openWorld());
    const stack = stackOf({ web: { ...SLOW, depends_on: needs("db", condition) }, db: SLOW });
    let errors: readonly string[] = [];
    for (const request of requests) {
      const { results } = await person.ask(request, stack);
      errors = results.flatMap((result) => (result.status === "failed" ? [String(result.error)] : []));
    }
    expect(errors).toEqual([expect.stringContaining("container shop-db-1 was not ready within 5 s")]);
  });
});
