import { readFileSync } from "node:fs";
import type {
  ContainerInfo,
  ContainerState,
  ContainerSummary,
  EndpointInfo,
  PublishedPort,
} from "../../index.ts";
import { apparmorProfileOf } from "../oci/apparmor.ts";
import { etcPaths } from "./bundle.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { linkNamesIn, linksOf } from "./links.ts";
import { logPathOf } from "./log-path.ts";

export function stateOf({ record, run, health }: Container): ContainerState {
  const { state } = record;
  return {
    status: state.status,
    pid: run?.pid ?? 0,
    exitCode: state.exitCode,
    error: state.error,
    oomKilled: state.oomKilled,
    ...(state.startedAt === undefined ? {} : { startedAt: new Date(state.startedAt) }),
    ...(state.finishedAt === undefined ? {} : { finishedAt: new Date(state.finishedAt) }),
    ...(health === undefined ? {} : { health }),
    wasStoppedManually: state.wasStoppedManually,
  };
}

export function summaryOf(container: Container, linkNames: readonly string[] = []): ContainerSummary {
  const { record, effective } = container;
  return {
    id: record.id,
    name: record.name,
    image: record.spec.image,
    imageId: record.imageId,
    command: [effective.path, ...effective.args],
    createdAt: new Date(record.createdAt),
    state: stateOf(container),
    labels: effective.labels,
    ports: portsOf(container),
    mounts: record.mounts,
    networkMode: record.spec.networkMode ?? "bridge",
    endpoints: endpointsOf(container),
    restartCount: record.state.restartCount,
    ...(linkNames.length === 0 ? {} : { linkNames }),
  };
}

/** Published ones, then what is exposed besides. */
function portsOf({ run, effective }: Container): readonly PublishedPort[] {
  const published = run?.sandbox.ports ?? [];
  const isPublished = new Set(published.map((port) => `${port.containerPort}/${port.protocol}`));
  const exposed = effective.exposedPorts.flatMap((text) => {
    const [, port, protocol = "tcp"] = /^(\d+)(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
    if (port === undefined || isPublished.has(`${port}/${protocol}`)) return [];
    return [{ containerPort: Number(port), protocol: protocol as PublishedPort["protocol"] }];
  });
  return run === undefined ? [] : [...published, ...exposed];
}

/** With addresses while it runs; as asked for otherwise. */
function endpointsOf({ record, run }: Container): Readonly<Record<string, EndpointInfo>> {
  const live = run?.sandbox.endpoints ?? {};
  return Object.fromEntries(
    Object.entries(record.endpoints).map(([name, endpoint]) => [
      name,
      live[name] ?? { ...endpoint, networkId: "", networkName: name },
    ]),
  );
}

export function infoOf(ctx: ContainersContext, container: Container): ContainerInfo {
  const { record, effective, run } = container;
  const { id } = record;
  const apparmorProfile = apparmorProfileOf(record.spec, ctx.machine);
  const running = [...container.execs].filter((execId) => ctx.execs.get(execId)?.info().isRunning);
  return {
    ...summaryOf(container, linkNamesIn(ctx.table).get(id)),
    spec: record.spec,
    effective,
    links: linksOf(ctx.table, record).map(({ name, alias }) => `/${name}:/${record.name}/${alias}`),
    execIds: running,
    paths: { log: logPathOf(ctx.layout, id), ...etcPaths(ctx, id) },
    sandboxId: run === undefined ? "" : id,
    graph: graphOf(ctx, id),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
  };
}

/** The overlay's folders, as the kernel has them mounted; empty while it is not. */
function graphOf({ layout }: ContainersContext, id: string): Readonly<Record<string, string>> {
  const merged = layout.mountPoint(id);
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const options = mounts.find((line) => line.split(" ")[1] === merged)?.split(" ")[3];
  if (options === undefined) return {};
  const values = (name: string) =>
    options
      .split(",")
      .filter((option) => option.startsWith(`${name}=`) || option.startsWith(`${name}+=`))
      .map((option) => option.slice(option.indexOf("=") + 1));
  return {
    MergedDir: merged,
    LowerDir: values("lowerdir").join(":"),
    UpperDir: values("upperdir").join(":"),
    WorkDir: values("workdir").join(":"),
  };
}
