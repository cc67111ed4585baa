import { describe, expect, it } from "vitest";
import { type Desired, desiredAfter, type Request } from "../../src/planner/index.ts";
import type { Stack } from "../../src/spec/index.ts";
import { needs, stackOf } from "./stack-builder.ts";

const A = { image: "a:1" };
const STACK = stackOf({ web: { ...A, depends_on: needs("db") }, db: A, tool: A });

function asked(request: Request, previous?: Desired, stack?: Stack): Desired {
  const desired = desiredAfter(request, {
    ...(previous !== undefined && { previous }),
    ...(stack !== undefined && { stack }),
  });
  if (desired === undefined) throw new Error("nothing is desired");
  return desired;
}

const states = ({ services }: Desired) =>
  Object.fromEntries(Object.entries(services).map(([name, { state }]) => [name, state]));

describe("what is desired after", () => {
  const all = asked({ do: "up" }, undefined, STACK);

  it("up is that the chosen services and what they need run", () => {
    expect(states(all)).toEqual({ web: "running", db: "running", tool: "running" });
    expect(states(asked({ do: "up", services: ["web"] }, undefined, STACK))).toEqual({
      web: "running",
      db: "running",
    });
    expect(states(asked({ do: "up", services: ["web"], noDeps: true }, undefined, STACK))).toEqual({
      web: "running",
    });
  });

  it("up or start of a service that had finished is that it runs anew, and its end counts again", () => {
    const { tool } = all.services;
    const done: Desired = {
      ...all,
      services: { ...all.services, tool: { ...tool, state: "running", hasFinished: true } },
    };
    for (const request of [{ do: "up" }, { do: "start", services: ["tool"] }, { do: "restart" }] as const)
      expect(asked(request, done, STACK).services["tool"]).toEqual({ state: "running" });
    expect(asked({ do: "up", services: ["db"] }, done, STACK).services["tool"]?.hasFinished).toBe(true);
  });

  it("up of one service leaves the others as they were taken over", () => {
    const newer = stackOf({ web: { image: "web:2" }, db: { image: "db:2" }, more: A });
    const desired = asked({ do: "up", services: ["web"] }, all, newer);
    expect(desired.stack.services["web"]?.image).toBe("web:2");
    expect(desired.stack.services["db"]?.image).toBe("a:1");
    expect(desired.stack.services["tool"]?.image).toBe("a:1");
    expect(desired.services["more"]).toBeUndefined();
  });

  it("up of one service with orphans removed forgets those that the files do not declare", () => {
    const previous = desiredAfter({ do: "up" }, { stack: stackOf({ web: A, old: A }) });
    if (previous === undefined) throw new Error("nothing is desired");
    const now = { previous, stack: stackOf({ web: A, other: A }) };
    const kept = desiredAfter({ do: "up", services: ["other"] }, now);
    expect(Object.keys(kept?.services ?? {}).sort()).toEqual(["old", "other", "web"]);
    const gone = desiredAfter({ do: "up", services: ["other"], removeOrphans: true }, now);
    expect(Object.keys(gone?.services ?? {}).sort()).toEqual(["other", "web"]);
    expect(gone?.stack.services).not.toHaveProperty("old");
  });

  it("a plain up forgets scale, services that are gone, and a down that was under way", () => {
    const scaled = asked({ do: "up", scale: { web: 3 } }, undefined, STACK);
    expect(scaled.services["web"]?.replicas).toBe(3);
    const down = asked({ do: "down" }, scaled);
    const again = asked({ do: "up" }, down, stackOf({ web: A }));
    expect(again).toMatchObject({ services: { web: { state: "running" } } });
    expect(again.services["web"]?.replicas).toBeUndefined();
    expect(again.down).toBeUndefined();
    expect(Object.keys(again.services)).toEqual(["web"]);
  });

  it("stop, start, pause, kill and restart is their state, remembered by service", () => {
    const stopped = asked({ do: "stop", services: ["web"] }, all);
    expect(states(stopped)).toEqual({ web: "stopped", db: "running", tool: "running" });
    expect(states(asked({ do: "start", services: ["web"] }, asked({ do: "stop" }, all)))).toEqual({
      web: "running",
      db: "running",
      tool: "stopped",
    });
    expect(states(asked({ do: "pause", services: ["db"] }, all))["db"]).toBe("paused");
    expect(states(asked({ do: "kill", services: ["db"] }, all))["db"]).toBe("stopped");
    expect(states(asked({ do: "kill", services: ["db"], signal: "SIGHUP" }, all))["db"]).toBe("running");
    expect(states(asked({ do: "restart" }, stopped))["web"]).toBe("running");
  });

  it("start, restart and unpause is nothing new: what was never brought up, or is in another state, stays so", () => {
    const some = asked({ do: "up", services: ["tool"] }, undefined, STACK);
    expect(states(asked({ do: "restart" }, some))).toEqual({ tool: "running" });
    expect(states(asked({ do: "restart", services: ["web"] }, some))).toEqual({ tool: "running" });
    const alone = asked({ do: "up", services: ["web"], noDeps: true }, undefined, STACK);
    expect(states(asked({ do: "start" }, asked({ do: "stop" }, alone)))).toEqual({ web: "running" });
    const stopped = asked({ do: "stop", services: ["db"] }, all);
    const paused = asked({ do: "pause" }, stopped);
    expect(states(paused)).toEqual({ web: "paused", db: "stopped", tool: "paused" });
    expect(states(asked({ do: "unpause" }, paused))).toEqual(states(stopped));
  });

  it("rm is that stopped services are not held any more, and down that nothing is", () => {
    const stopped = asked({ do: "stop", services: ["web"] }, all);
    expect(Object.keys(asked({ do: "rm" }, stopped).services)).toEqual(["db", "tool"]);
    expect(Object.keys(asked({ do: "rm", stop: true }, stopped).services)).toEqual([]);
    expect(asked({ do: "down", removeVolumes: true }, all)).toMatchObject({
      services: {},
      down: { removeVolumes: true },
    });
    expect(Object.keys(asked({ do: "down", services: ["web"] }, all).services)).toEqual(["db", "tool"]);
  });

  it("create is that nothing runs which did not", () => {
    expect(states(asked({ do: "up", noStart: true }, undefined, STACK))["web"]).toBe("stopped");
    expect(states(asked({ do: "up", noStart: true }, all, STACK))["web"]).toBe("running");
  });

  it("pull and build is the same as before", () => {
    expect(asked({ do: "pull" }, all)).toEqual(all);
    expect(desiredAfter({ do: "stop" }, {})).toBeUndefined();
  });
});
