import { MAX_TIMER_MS } from "../../../lib/clock.ts";
import type { Health, HealthcheckSpec, ProbeResult } from "../../index.ts";

/** Times in milliseconds that a timer can be set for, defaults filled in. */
export interface HealthTiming {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly startIntervalMs: number;
  readonly retries: number;
}

const LOG_LENGTH = 5;

/** Docker's defaults (moby daemon/health.go). */
export function healthTiming(spec: HealthcheckSpec): HealthTiming {
  return {
    intervalMs: Math.min(spec.intervalMs || 30_000, MAX_TIMER_MS),
    timeoutMs: Math.min(spec.timeoutMs || 30_000, MAX_TIMER_MS),
    startPeriodMs: spec.startPeriodMs ?? 0,
    startIntervalMs: Math.min(spec.startIntervalMs || 5_000, MAX_TIMER_MS),
    retries: spec.retries || 3,
  };
}

/** The argv of a probe; undefined when there is none (`NONE`, or an empty command). */
export function probeCommand(
  { test = [] }: HealthcheckSpec,
  shell: readonly string[] | undefined,
): readonly string[] | undefined {
  const [kind, ...rest] = test;
  if (kind === "CMD") return rest.length === 0 ? undefined : rest;
  if (kind !== "CMD-SHELL" || rest[0] === undefined) return undefined;
  return [...(shell === undefined || shell.length === 0 ? ["/bin/sh", "-c"] : shell), rest[0]];
}

export const NEW_HEALTH: Health = { status: "starting", failingStreak: 0, log: [] };

/**
 * The state after one more probe. A failure while still starting inside the start period does not count; one
 * success heals whatever was before.
 */
export function afterProbe(
  health: Health,
  result: ProbeResult,
  timing: HealthTiming,
  startedAt: Date,
): Health {
  const log = [...health.log, result].slice(-LOG_LENGTH);
  if (result.exitCode === 0) return { status: "healthy", failingStreak: 0, log };
  const age = result.startedAt.getTime() - startedAt.getTime();
  if (health.status === "starting" && age < timing.startPeriodMs) return { ...health, log };
  const failingStreak = health.failingStreak + 1;
  return { status: failingStreak >= timing.retries ? "unhealthy" : health.status, failingStreak, log };
}

/**
 * How long to wait before the next probe, counted from the end of the last (or the start of the container). A start period that
 * ends before its interval is over has the ordinary one begin at its end.
 */
export function nextProbeDelayMs(health: Health, timing: HealthTiming, runMs: number): number {
  const leftMs = health.status === "starting" ? Math.max(0, timing.startPeriodMs - runMs) : 0;
  if (leftMs === 0) return timing.intervalMs;
  return Math.min(timing.startIntervalMs, leftMs + timing.intervalMs);
}
