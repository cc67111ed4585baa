import type { ContainerState, ContainerSummary, PublishedPort } from "../../runtime/index.ts";
import { humanDuration } from "./units.ts";

/** `Up 2 minutes (healthy)`, `Exited (1) 3 hours ago`: the STATUS column as docker words it. */
export function statusText(state: ContainerState, nowMs: number): string {
  const since = (date: Date | undefined) => humanDuration(nowMs - (date?.getTime() ?? nowMs));
  switch (state.status) {
    case "running":
      return `Up ${since(state.startedAt)}${healthText(state)}`;
    case "paused":
      return `Up ${since(state.startedAt)} (Paused)`;
    case "restarting":
      return `Restarting (${state.exitCode}) ${since(state.finishedAt)} ago`;
    case "created":
      return "Created";
    case "removing":
      return "Removal In Progress";
    case "dead":
      return "Dead";
    case "exited":
      return `Exited (${state.exitCode}) ${since(state.finishedAt)} ago`;
  }
}

function healthText({ health }: ContainerState): string {
  if (health === undefined) return "";
  return health.status === "starting" ? " (health: starting)" : ` (${health.status})`;
}

/** `0.0.0.0:8080->80/tcp, [::]:8080->80/tcp`: the PORTS column as docker words it, ranges folded. */
export function portsText(ports: readonly PublishedPort[]): string {
  const sorted = [...ports].sort(
    (a, b) =>
      a.containerPort - b.containerPort ||
      compare(a.hostIp ?? "", b.hostIp ?? "") ||
      (a.hostPort ?? 0) - (b.hostPort ?? 0) ||
      compare(a.protocol, b.protocol),
  );
  const runs: { first: PublishedPort; last: PublishedPort }[] = [];
  for (const port of sorted) {
    const run = runs.find(({ first, last }) => continues(first, last, port));
    if (run === undefined) runs.push({ first: port, last: port });
    else run.last = port;
  }
  return runs.map(({ first, last }) => portRange(first, last)).join(", ");
}

function continues(first: PublishedPort, last: PublishedPort, next: PublishedPort): boolean {
  if (first.hostIp !== next.hostIp || first.protocol !== next.protocol) return false;
  if (next.containerPort !== last.containerPort + 1) return false;
  return last.hostPort === undefined ? next.hostPort === undefined : next.hostPort === last.hostPort + 1;
}

function portRange(first: PublishedPort, last: PublishedPort): string {
  const span = (from: number, to: number) => (from === to ? String(from) : `${from}-${to}`);
  const inside = `${span(first.containerPort, last.containerPort)}/${first.protocol}`;
  if (first.hostPort === undefined) return inside;
  const ip = first.hostIp ?? "";
  const shown = ip.includes(":") ? `[${ip}]` : ip;
  return `${shown}:${span(first.hostPort, last.hostPort ?? first.hostPort)}->${inside}`;
}

/** The COMMAND column: quoted, cut unless the caller wants all of it. */
export function commandText(summary: ContainerSummary, isCut: boolean): string {
  const { command } = summary;
  // An engine that lists commands as one text has quoted them already.
  const text = command.length === 1 ? (command[0] ?? "") : command.map(shellWord).join(" ");
  const cut = isCut && text.length > 20 ? `${text.slice(0, 19)}…` : text;
  return JSON.stringify(cut);
}

/** Words with blanks are in quotes, as dockerd shows them. */
function shellWord(word: string): string {
  return /\s/.test(word) ? `'${word}'` : word;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
