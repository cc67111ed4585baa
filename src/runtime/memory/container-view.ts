import type {
  ContainerInfo,
  ContainerState,
  ContainerSummary,
  EndpointInfo,
  HealthcheckSpec,
} from "../index.ts";
import { volumePlaces } from "../index.ts";
import type { ContainerRecord, World } from "./world.ts";

export function summaryOf(world: World, record: ContainerRecord): ContainerSummary {
  return {
    id: record.id,
    name: record.name,
    image: record.spec.image,
    imageId: record.image.id,
    command: argvOf(record),
    createdAt: new Date(record.createdAtMs),
    state: stateOf(record),
    labels: { ...record.image.config.labels, ...record.spec.labels },
    ports: record.ports,
    mounts: record.mounts,
    networkMode: record.spec.networkMode ?? "bridge",
    endpoints: endpointsOf(world, record),
    restartCount: record.restartCount,
  };
}

export function infoOf(world: World, record: ContainerRecord): ContainerInfo {
  const { spec, image } = record;
  const [path = "", ...args] = argvOf(record);
  return {
    ...summaryOf(world, record),
    spec,
    effective: {
      path,
      args,
      env: [...environmentOf(record)].map(([key, value]) => `${key}=${value}`),
      entrypoint: entrypointOf(record),
      cmd: commandOf(record),
      user: spec.user ?? image.config.user ?? "",
      workingDir: spec.workingDir ?? image.config.workingDir ?? "",
      labels: { ...image.config.labels, ...spec.labels },
      exposedPorts: [...new Set([...(image.config.exposedPorts ?? []), ...(spec.exposedPorts ?? [])])],
      volumes: volumePlaces(image.config.volumes ?? [], spec.mounts),
      stopSignal: spec.stopSignal ?? image.config.stopSignal,
      healthcheck: healthcheckOf(record),
      hostname: hostnameOf(record),
    },
    execIds: record.execIds.filter((id) => world.execs.get(id)?.state === "running"),
    paths: { log: "", hosts: "", hostname: "", resolvConf: "" },
    sandboxId: record.status === "running" ? record.id : "",
    graph: {},
  };
}

export function stateOf(record: ContainerRecord): ContainerState {
  return {
    status: record.status,
    pid: record.pid,
    exitCode: record.exitCode,
    error: record.error,
    oomKilled: false,
    ...(record.startedAtMs === undefined ? {} : { startedAt: new Date(record.startedAtMs) }),
    ...(record.finishedAtMs === undefined ? {} : { finishedAt: new Date(record.finishedAtMs) }),
    ...(record.health === undefined ? {} : { health: record.health }),
    wasStoppedManually: record.wasStoppedManually,
  };
}

export function entrypointOf({ spec, image }: ContainerRecord): readonly string[] | undefined {
  const entrypoint = spec.entrypoint ?? image.config.entrypoint;
  return entrypoint?.length === 0 ? undefined : entrypoint;
}

/** An entrypoint given at create drops the image's command. */
export function commandOf({ spec, image }: ContainerRecord): readonly string[] | undefined {
  return spec.command ?? (spec.entrypoint === undefined ? image.config.cmd : undefined);
}

export function argvOf(record: ContainerRecord): readonly string[] {
  return [...(entrypointOf(record) ?? []), ...(commandOf(record) ?? [])];
}

export function hostnameOf(record: ContainerRecord): string {
  return record.spec.hostname ?? record.id.slice(0, 12);
}

export function environmentOf(record: ContainerRecord, more: readonly string[] = []): Map<string, string> {
  const found = new Map([
    ["PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    ["HOSTNAME", hostnameOf(record)],
  ]);
  for (const entry of [...(record.image.config.env ?? []), ...(record.spec.env ?? []), ...more]) {
    const at = entry.indexOf("=");
    if (at < 0) found.delete(entry);
    else found.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return found;
}

/** What probes the container, the image's values under the container's; undefined: nothing does. */
export function healthcheckOf({ spec, image }: ContainerRecord): HealthcheckSpec | undefined {
  const own = spec.healthcheck ?? {};
  const base = image.config.healthcheck ?? {};
  const test = own.test !== undefined && own.test.length > 0 ? own.test : base.test;
  if (test === undefined || test.length === 0 || test[0] === "NONE") return undefined;
  const given = Object.fromEntries(
    Object.entries(own).filter(([key, value]) => key !== "test" && value !== 0),
  );
  return { ...base, ...given, test };
}

function endpointsOf(world: World, record: ContainerRecord): Readonly<Record<string, EndpointInfo>> {
  const found: Record<string, EndpointInfo> = {};
  for (const { networkId, spec, live } of record.endpoints.values()) {
    const network = world.networks.get(networkId);
    const name = network?.info.name ?? networkId;
    found[name] = {
      ...spec,
      networkId,
      networkName: name,
      ...live,
      dnsNames: [
        ...new Set([record.name, ...(spec.aliases ?? []), record.id.slice(0, 12), hostnameOf(record)]),
      ],
    };
  }
  return found;
}
