import { describe, expect, it } from "vitest";
import { desiredAfter, makePlan, type Request } from "../../src/planner/index.ts";
import { NOTHING, stackOf } from "./stack-builder.ts";

describe("replicas that no machine holds", () => {
  it.each([
    ["deploy.replicas", { deploy: { replicas: 2_147_483_647 } }, {}, "services.web.deploy.replicas"],
    ["scale", { scale: 1001 }, {}, "services.web.scale"],
    ["--scale", {}, { scale: { web: 2_147_483_647 } }, undefined],
  ] satisfies readonly (readonly [string, object, Partial<Request>, string | undefined])[])(
    "are refused at their place, and nothing is planned: %s",
    (_how, service, options, path) => {
      const request: Request = { do: "up", ...options };
      const desired = desiredAfter(request, { stack: stackOf({ web: { image: "a:1", ...service } }) });
      if (desired === undefined) throw new Error("nothing is desired");
      const { problems, steps } = makePlan(request, desired, NOTHING);
      expect(problems.map((problem) => [problem.kind, problem.path])).toEqual([["invalid", path]]);
      expect(steps).toEqual([]);
    },
  );
});
