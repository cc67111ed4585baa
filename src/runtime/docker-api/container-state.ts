import { compact } from "../../lib/compact.ts";
import type { ContainerState, ContainerStatus, Health } from "../index.ts";
import { timeFromWire, timeToWire } from "./time.ts";
import type { WireObject } from "./wire-object.ts";

const STATUSES: readonly ContainerStatus[] = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
];

export function isStatus(text: string | undefined): text is ContainerStatus {
  return STATUSES.some((status) => status === text);
}

/** The `State` of an inspected container. Docker counts paused and restarting as running too. */
export function stateToWire(state: ContainerState): Readonly<Record<string, unknown>> {
  const { status } = state;
  return compact<Record<string, unknown>>({
    Status: status,
    Running: status === "running" || status === "paused" || status === "restarting",
    Paused: status === "paused",
    Restarting: status === "restarting",
    OOMKilled: state.oomKilled,
    Dead: status === "dead",
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: timeToWire(state.startedAt),
    FinishedAt: timeToWire(state.finishedAt),
    Health: state.health && healthToWire(state.health),
  });
}

function healthToWire(health: Health): Readonly<Record<string, unknown>> {
  return {
    Status: health.status,
    FailingStreak: health.failingStreak,
    Log: health.log.map((probe) => ({
      Start: timeToWire(probe.startedAt),
      End: timeToWire(probe.endedAt),
      ExitCode: probe.exitCode,
      Output: probe.output,
    })),
  };
}

export function stateFromWire(state: WireObject, wasStoppedManually?: boolean): ContainerState {
  const status = state.text("Status");
  const health = state.object("Health");
  return compact<ContainerState>({
    status: isStatus(status) ? status : "created",
    pid: state.number("Pid") ?? 0,
    exitCode: state.number("ExitCode") ?? 0,
    error: state.text("Error") ?? "",
    oomKilled: state.flag("OOMKilled") ?? false,
    startedAt: timeFromWire(state.text("StartedAt")),
    finishedAt: timeFromWire(state.text("FinishedAt")),
    health: healthFromWire(health),
    wasStoppedManually,
  });
}

function healthFromWire(health: WireObject): Health | undefined {
  const status = health.text("Status");
  if (status !== "starting" && status !== "healthy" && status !== "unhealthy") return undefined;
  return {
    status,
    failingStreak: health.number("FailingStreak") ?? 0,
    log: health.objects("Log").map((probe) => ({
      startedAt: timeFromWire(probe.text("Start")) ?? new Date(0),
      endedAt: timeFromWire(probe.text("End")) ?? new Date(0),
      exitCode: probe.number("ExitCode") ?? 0,
      output: probe.text("Output") ?? "",
    })),
  };
}
