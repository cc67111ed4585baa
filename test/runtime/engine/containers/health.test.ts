import { describe, expect, it } from "vitest";
import {
  afterProbe,
  healthTiming,
  NEW_HEALTH,
  nextProbeDelayMs,
  probeCommand,
} from "../../../../src/runtime/engine/containers/health.ts";
import type { Health } from "../../../../src/runtime/index.ts";
import { fc } from "../../../support/fast-check.ts";

const started = new Date(1_000_000);
const timing = healthTiming({ retries: 2, startPeriodMs: 1000 });
const at = (offsetMs: number, exitCode: number) => ({
  startedAt: new Date(started.getTime() + offsetMs),
  endedAt: new Date(started.getTime() + offsetMs + 1),
  exitCode,
  output: "",
});
const run = (...probes: readonly (readonly [number, number])[]): Health =>
  probes.reduce((health, [ms, code]) => afterProbe(health, at(ms, code), timing, started), NEW_HEALTH);

describe("afterProbe", () => {
  it.each<[string, readonly (readonly [number, number])[], string, number]>([
    ["one success", [[0, 0]], "healthy", 0],
    [
      "failures within the start period",
      [
        [0, 1],
        [500, 1],
        [999, 1],
      ],
      "starting",
      0,
    ],
    ["one failure after it", [[1000, 1]], "starting", 1],
    [
      "as many failures as retries",
      [
        [1000, 1],
        [1100, 2],
      ],
      "unhealthy",
      2,
    ],
    [
      "a success within the start period ends it",
      [
        [0, 0],
        [100, 1],
      ],
      "healthy",
      1,
    ],
    [
      "a success heals",
      [
        [1000, 1],
        [1100, 1],
        [1200, 0],
      ],
      "healthy",
      0,
    ],
    [
      "a timeout is a failure",
      [
        [1000, -1],
        [1100, -1],
      ],
      "unhealthy",
      2,
    ],
  ])("%s", (_, probes, status, failingStreak) => {
    expect(run(...probes)).toMatchObject({ status, failingStreak });
  });

  it("keeps the last five results", () => {
    expect(run(...Array.from({ length: 9 }, (_, n) => [n, 0] as const)).log).toHaveLength(5);
  });

  it("is unhealthy exactly when the last retries probes that count failed", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1), { minLength: 1 }), (codes) => {
        const health = run(...codes.map((code, n) => [1000 + n, code] as const));
        const streak = codes.length - 1 - codes.lastIndexOf(0);
        expect(health.failingStreak).toBe(streak);
        expect(health.status === "unhealthy").toBe(streak >= 2);
      }),
    );
  });
});

describe("timing and command of a probe", () => {
  it("probes at the start interval until the start is over", () => {
    const quick = healthTiming({ intervalMs: 30_000, startPeriodMs: 10_000, startIntervalMs: 200 });
    expect(nextProbeDelayMs(NEW_HEALTH, quick, 0)).toBe(200);
    expect(nextProbeDelayMs(NEW_HEALTH, quick, 10_000)).toBe(30_000);
    const brief = healthTiming({ startPeriodMs: 100, intervalMs: 300 });
    expect(nextProbeDelayMs(NEW_HEALTH, brief, 40)).toBe(360);
    expect(nextProbeDelayMs({ ...NEW_HEALTH, status: "healthy" }, quick, 0)).toBe(30_000);
  });

  it("waits no longer than a timer can, which would else go off at once", () => {
    const hours = 600 * 3_600_000;
    const long = healthTiming({ intervalMs: hours, timeoutMs: hours, startIntervalMs: hours });
    const early = healthTiming({ intervalMs: hours, startPeriodMs: hours, startIntervalMs: hours });
    const delays = [nextProbeDelayMs(NEW_HEALTH, long, 0), nextProbeDelayMs(NEW_HEALTH, early, 0)];
    expect([...delays, long.timeoutMs]).toEqual(Array(3).fill(2 ** 31 - 1));
  });

  it("fills in Docker's defaults", () => {
    expect(healthTiming({})).toEqual({
      intervalMs: 30_000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 5_000,
      retries: 3,
    });
  });

  it("runs the words themselves, or a text by the image's shell", () => {
    expect(probeCommand({ test: ["CMD", "a", "b"] }, undefined)).toEqual(["a", "b"]);
    expect(probeCommand({ test: ["CMD-SHELL", "a b"] }, undefined)).toEqual(["/bin/sh", "-c", "a b"]);
    expect(probeCommand({ test: ["CMD-SHELL", "a b"] }, ["/bin/ash", "-ec"])).toEqual([
      "/bin/ash",
      "-ec",
      "a b",
    ]);
    expect(probeCommand({ test: ["NONE"] }, undefined)).toBeUndefined();
    expect(probeCommand({}, undefined)).toBeUndefined();
  });
});
