import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { desiredAfter, makePlan, type Observed, type Request, renderPlan } from "../../src/planner/index.ts";
import { loadCase } from "./memory-disk.ts";

const CASES = join(import.meta.dirname, "cases");
const IS_UPDATE = process.env["UPDATE"] === "1";

interface World extends Omit<Observed, "stackName"> {
  /** Default: `up`. */
  readonly request?: Request;
}

/**
 * A folder is a case: `compose.yaml` in the world of `observed.json` gives `plan.txt`. UPDATE=1 writes the plans
 * anew; read the diff.
 */
describe("the plan of", () => {
  for (const name of readdirSync(CASES).sort()) {
    it(name.replaceAll("-", " "), async () => {
      const folder = join(CASES, name);
      const stack = await loadCase(folder);
      const world: World = JSON.parse(readFileSync(join(folder, "observed.json"), "utf8"));
      const { request = { do: "up" }, ...observed } = world;
      const desired = desiredAfter(request, { stack });
      if (desired === undefined) throw new Error("nothing is desired");
      const text = renderPlan(makePlan(request, desired, { stackName: "shop", ...observed }));
      const golden = join(folder, "plan.txt");
      if (IS_UPDATE || !existsSync(golden)) writeFileSync(golden, text);
      expect(text).toBe(readFileSync(golden, "utf8"));
    });
  }
});
