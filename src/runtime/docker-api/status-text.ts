import { compact } from "../../lib/compact.ts";
import type { ContainerState, Health } from "../index.ts";

/** The `Status` of a line of the list (`Up 5 seconds (healthy)`), in Docker's words. */
export function statusText(state: ContainerState, now: Date): string {
  switch (state.status) {
    case "created":
      return "Created";
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "restarting":
      return `Restarting (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
    case "paused":
      return `Up ${since(state.startedAt, now)} (Paused)`;
    case "running":
      return `Up ${since(state.startedAt, now)}${healthText(state.health)}`;
    case "exited":
      return state.finishedAt === undefined
        ? ""
        : `Exited (${state.exitCode}) ${since(state.finishedAt, now)} ago`;
  }
}

function healthText(health: Health | undefined): string {
  if (health === undefined) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

function since(time: Date | undefined, now: Date): string {
  return approximately((now.getTime() - (time ?? now).getTime()) / 1000);
}

/** A duration as people say it; the steps are go-units' `HumanDuration`. */
export function approximately(seconds: number): string {
  const whole = Math.floor(Math.max(0, seconds));
  if (whole < 1) return "Less than a second";
  if (whole === 1) return "1 second";
  if (whole < 60) return `${whole} seconds`;
  const minutes = Math.floor(whole / 60);
  if (minutes === 1) return "About a minute";
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.floor(whole / 3600 + 0.5);
  if (hours === 1) return "About an hour";
  if (hours < 48) return `${hours} hours`;
  if (hours < 24 * 7 * 2) return `${Math.floor(hours / 24)} days`;
  if (hours < 24 * 30 * 2) return `${Math.floor(hours / 24 / 7)} weeks`;
  if (hours < 24 * 365 * 2) return `${Math.floor(hours / 24 / 30)} months`;
  return `${Math.floor(Math.floor(whole / 3600) / 24 / 365)} years`;
}

/** What a foreign engine's list says of exit code and health; the rest only `inspect` knows. */
export function stateFromStatusText(text: string): {
  readonly exitCode: number;
  readonly health?: Health;
} {
  const exitCode = /^(?:Exited|Restarting) \((-?\d+)\)/.exec(text)?.[1];
  const health = /\((?:health: )?(starting|healthy|unhealthy)\)$/.exec(text)?.[1];
  return compact<{ exitCode: number; health?: Health }>({
    exitCode: Number(exitCode ?? 0),
    health:
      health === "starting" || health === "healthy" || health === "unhealthy"
        ? { status: health, failingStreak: 0, log: [] }
        : undefined,
  });
}
