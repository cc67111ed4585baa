import type { StackContainer } from "../stack-containers.ts";
import { commandText, portsText, statusText } from "./status.ts";
import { goTime, humanDuration } from "./units.ts";

/** A container as `docker compose ps --format json` shows it: the same keys, in the same order. */
export function psRecord(
  { summary, service }: StackContainer,
  stackName: string,
  nowMs: number,
  isCut: boolean,
): Readonly<Record<string, unknown>> {
  const volumes = summary.mounts.filter((mount) => mount.type === "volume");
  return {
    Command: commandText(summary, isCut),
    CreatedAt: goTime(summary.createdAt),
    ExitCode: summary.state.status === "running" ? 0 : summary.state.exitCode,
    Health: summary.state.status === "running" ? (summary.state.health?.status ?? "") : "",
    ID: isCut ? summary.id.slice(0, 12) : summary.id,
    Image: summary.image,
    Label: (name: unknown) => summary.labels[String(name)] ?? "",
    Labels: Object.entries(summary.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    LocalVolumes: String(volumes.length),
    Mounts: summary.mounts.map(({ name, source }) => name ?? source).join(","),
    Name: summary.name,
    Names: summary.name,
    Networks: Object.keys(summary.endpoints).join(","),
    Ports: portsText(summary.ports),
    Project: stackName,
    Publishers: summary.ports
      .filter(({ hostPort }) => hostPort !== undefined)
      .map(({ hostIp, containerPort, hostPort, protocol }) => ({
        URL: hostIp ?? "",
        TargetPort: containerPort,
        PublishedPort: hostPort,
        Protocol: protocol,
      })),
    RunningFor: `${humanDuration(nowMs - summary.createdAt.getTime())} ago`,
    Service: service,
    Size: "0B",
    State: summary.state.status,
    Status: statusText(summary.state, nowMs),
  };
}
