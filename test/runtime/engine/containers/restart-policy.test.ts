import { describe, expect, it } from "vitest";
import {
  decideRestart,
  type ExitFacts,
  startsAtBoot,
} from "../../../../src/runtime/engine/containers/restart-policy.ts";

const facts: ExitFacts = {
  policy: { name: "always" },
  exitCode: 1,
  restartCount: 0,
  wasStopped: false,
  ranForMs: 50,
  lastDelayMs: undefined,
};
const onFailure = (maximumRetryCount: number) => ({ name: "on-failure", maximumRetryCount }) as const;

describe("decideRestart", () => {
  it.each<[string, Partial<ExitFacts>, boolean]>([
    ["no, success", { policy: { name: "no" }, exitCode: 0 }, false],
    ["no, failure", { policy: { name: "no" } }, false],
    ["always, success", { exitCode: 0 }, true],
    ["always, failure", {}, true],
    ["always, stopped", { wasStopped: true }, false],
    ["unless-stopped, success", { policy: { name: "unless-stopped" }, exitCode: 0 }, true],
    ["unless-stopped, stopped", { policy: { name: "unless-stopped" }, wasStopped: true }, false],
    ["on-failure, success", { policy: onFailure(0), exitCode: 0 }, false],
    ["on-failure, failure", { policy: onFailure(0), restartCount: 1000 }, true],
    ["on-failure:3, third failure", { policy: onFailure(3), restartCount: 2 }, true],
    ["on-failure:3, fourth failure", { policy: onFailure(3), restartCount: 3 }, false],
    ["on-failure, unknown exit", { policy: onFailure(0), exitCode: 255 }, true],
    ["on-failure, stopped", { policy: onFailure(0), exitCode: 143, wasStopped: true }, false],
  ])("%s: %s", (_, change, restart) => {
    expect(decideRestart({ ...facts, ...change }).restart).toBe(restart);
  });

  it("waits 100 ms, twice as long each time, a minute at most", () => {
    const delays: number[] = [];
    let lastDelayMs: number | undefined;
    for (let restartCount = 0; restartCount < 12; restartCount++) {
      const decision = decideRestart({ ...facts, restartCount, lastDelayMs });
      if (!decision.restart) throw new Error("always restarts");
      delays.push(decision.delayMs);
      lastDelayMs = decision.delayMs;
    }
    expect(delays).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000, 60_000]);
  });

  it("begins anew after a run of ten seconds, whatever its exit code", () => {
    for (const exitCode of [0, 1])
      expect(decideRestart({ ...facts, exitCode, ranForMs: 10_000, lastDelayMs: 60_000 })).toEqual({
        restart: true,
        delayMs: 100,
      });
  });
});

describe("startsAtBoot", () => {
  const boot = { exitCode: 0, restartCount: 0, wasStoppedManually: false, hasBeenStarted: true };
  it.each([
    ["no", { ...boot, policy: { name: "no" } }, false],
    ["always", { ...boot, policy: { name: "always" } }, true],
    ["always, stopped by hand", { ...boot, policy: { name: "always" }, wasStoppedManually: true }, true],
    ["always, never started", { ...boot, policy: { name: "always" }, hasBeenStarted: false }, false],
    ["unless-stopped", { ...boot, policy: { name: "unless-stopped" } }, true],
    [
      "unless-stopped, stopped",
      { ...boot, policy: { name: "unless-stopped" }, wasStoppedManually: true },
      false,
    ],
    ["on-failure, ended well", { ...boot, policy: onFailure(0) }, false],
    ["on-failure, failed", { ...boot, policy: onFailure(0), exitCode: 255 }, true],
    ["on-failure, killed", { ...boot, policy: onFailure(0), exitCode: 137, wasStoppedManually: true }, false],
    ["on-failure:3, gave up", { ...boot, policy: onFailure(3), exitCode: 1, restartCount: 3 }, false],
  ] as const)("%s: %s", (_, given, expected) => {
    expect(startsAtBoot(given)).toBe(expected);
  });
});
