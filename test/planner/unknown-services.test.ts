import { describe, expect, it } from "vitest";
import { desiredAfter, makePlan, type Request } from "../../src/planner/index.ts";
import { NOTHING, stackOf } from "./stack-builder.ts";

describe("up", () => {
  it.each([
    ["names", { do: "up", services: ["nope"] }],
    ["scales", { do: "up", scale: { nope: 2 } }],
  ] satisfies readonly (readonly [string, Request])[])(
    "is refused when it %s a service that is not declared",
    (_how, request) => {
      const desired = desiredAfter(request, { stack: stackOf({ web: { image: "a:1" } }) });
      if (desired === undefined) throw new Error("nothing is desired");
      expect(makePlan(request, desired, NOTHING).problems).toMatchObject([
        { kind: "unknown-service", message: "no such service: nope" },
      ]);
    },
  );
});
