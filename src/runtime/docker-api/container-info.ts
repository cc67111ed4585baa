import { compact } from "../../lib/compact.ts";
import type { ContainerInfo, ContainerSpec, EndpointSpec } from "../index.ts";
import { containerSpecFromParts } from "./container-spec-from-wire.ts";
import { configToWire, hostConfigToWire, withPublished } from "./container-spec-to-wire.ts";
import { stateFromWire, stateToWire } from "./container-state.ts";
import { endpointSpecFromWire, endpointsFromWire, endpointsToWire } from "./endpoints.ts";
import { EXTENSION, revive } from "./extension.ts";
import { healthcheckFromWire, healthcheckToWire, setToWire } from "./image-config.ts";
import { mountPointFromWire, mountPointToWire } from "./mounts.ts";
import { publishedPortsFromWire, publishedPortsToWire } from "./ports.ts";
import { restartPolicyToWire } from "./resources.ts";
import { timeFromWire } from "./time.ts";
import { WireObject } from "./wire-object.ts";

type Wire = Readonly<Record<string, unknown>>;

const DEFAULT_SHM_BYTES = 67_108_864;
const MASKED_PATHS = [
  "/proc/asound",
  "/proc/acpi",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];
const READONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

export interface InspectDefaults {
  readonly cgroupVersion: "1" | "2";
  readonly ociRuntime: string;
  /** Add the field with what Docker has no word for. */
  readonly isExtended: boolean;
}

/** The answer of `GET /containers/{id}/json`. */
export function containerInfoToWire(info: ContainerInfo, defaults: InspectDefaults): Wire {
  return compact<Record<string, unknown>>({
    Id: info.id,
    Created: info.createdAt.toISOString(),
    Path: info.effective.path,
    Args: info.effective.args,
    State: stateToWire(info.state),
    Image: info.imageId,
    ResolvConfPath: info.paths.resolvConf,
    HostnamePath: info.paths.hostname,
    HostsPath: info.paths.hosts,
    LogPath: info.paths.log,
    Name: `/${info.name}`,
    RestartCount: info.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: info.apparmorProfile ?? "",
    ExecIDs: info.execIds.length === 0 ? null : info.execIds,
    HostConfig: normalHostConfig(info, defaults),
    GraphDriver: { Data: Object.keys(info.graph).length === 0 ? null : info.graph, Name: "overlay2" },
    SizeRw: info.sizes?.writableBytes,
    SizeRootFs: info.sizes?.rootfsBytes,
    Mounts: info.mounts.map(mountPointToWire),
    Config: effectiveConfig(info),
    NetworkSettings: networkSettingsToWire(info),
    [EXTENSION]: defaults.isExtended
      ? { Spec: info.spec, WasStoppedManually: info.state.wasStoppedManually }
      : undefined,
  });
}

/** With the values that dockerd fills in at create. */
function normalHostConfig(info: ContainerInfo, defaults: InspectDefaults): Wire {
  const { spec } = info;
  const wire = hostConfigToWire(spec);
  const memory = spec.resources?.memoryBytes;
  const isPrivileged = spec.privileged === true;
  return {
    ...wire,
    NetworkMode: spec.networkMode ?? "bridge",
    Links: info.links === undefined ? (spec.links ?? null) : info.links.length === 0 ? null : info.links,
    IpcMode: spec.ipcMode ?? "private",
    CgroupnsMode: spec.cgroupnsMode ?? (defaults.cgroupVersion === "2" ? "private" : "host"),
    ShmSize: spec.shmSizeBytes ?? DEFAULT_SHM_BYTES,
    LogConfig: { Type: spec.log?.driver ?? "json-file", Config: spec.log?.options ?? {} },
    MemorySwap: spec.resources?.memorySwapBytes ?? (memory === undefined ? 0 : memory * 2),
    RestartPolicy: restartPolicyToWire(spec.restartPolicy ?? { name: "no" }),
    Runtime: spec.runtime ?? defaults.ociRuntime,
    SecurityOpt: spec.securityOptions ?? (isPrivileged ? ["label=disable"] : null),
    MaskedPaths: spec.maskedPaths ?? (isPrivileged ? null : MASKED_PATHS),
    ReadonlyPaths: spec.readonlyPaths ?? (isPrivileged ? null : READONLY_PATHS),
  };
}

function effectiveConfig(info: ContainerInfo): Wire {
  const { effective, spec } = info;
  return compact<Record<string, unknown>>({
    ...configToWire(spec),
    Hostname: effective.hostname,
    User: effective.user,
    ExposedPorts: setToWire(withPublished(effective.exposedPorts, spec.ports)),
    Env: effective.env,
    Cmd: effective.cmd ?? null,
    Healthcheck: healthcheckToWire(effective.healthcheck),
    Volumes: setToWire(effective.volumes) ?? null,
    WorkingDir: effective.workingDir,
    Entrypoint: effective.entrypoint ?? null,
    Labels: effective.labels,
    StopSignal: effective.stopSignal,
  });
}

function networkSettingsToWire(info: ContainerInfo): Wire {
  const networks = endpointsToWire(info.endpoints);
  const legacy = info.endpoints["bridge"];
  return {
    Bridge: "",
    SandboxID: info.sandboxId,
    SandboxKey: info.sandboxId === "" ? "" : `/var/run/docker/netns/${info.sandboxId.slice(0, 12)}`,
    Ports: isUp(info) ? publishedPortsToWire(info.ports) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: legacy?.endpointId ?? "",
    Gateway: legacy?.gateway ?? "",
    GlobalIPv6Address: legacy?.globalIpv6Address ?? "",
    GlobalIPv6PrefixLen: legacy?.globalIpv6PrefixLength ?? 0,
    IPAddress: legacy?.ipAddress ?? "",
    IPPrefixLen: legacy?.ipPrefixLength ?? 0,
    IPv6Gateway: legacy?.ipv6Gateway ?? "",
    MacAddress: legacy?.macAddress ?? "",
    Networks: networks,
  };
}

function isUp(info: ContainerInfo): boolean {
  return info.state.status === "running" || info.state.status === "paused";
}

/**
 * From an engine of ours `spec` is exactly what `create` received. Elsewhere it is what can be told from the
 * answer: the image's defaults are folded in, and what equals dockerd's own default is left out.
 */
export function containerInfoFromWire(body: WireObject): ContainerInfo {
  const config = body.object("Config");
  const host = body.object("HostConfig");
  const settings = body.object("NetworkSettings");
  const extension = body.object(EXTENSION);
  const endpoints = endpointsFromWire(settings);
  const id = body.text("Id") ?? "";
  const writableBytes = body.number("SizeRw");
  return compact<ContainerInfo>({
    id,
    name: (body.text("Name") ?? "").replace(/^\//, ""),
    image: config.text("Image") ?? "",
    imageId: body.text("Image") ?? "",
    command: [body.text("Path") ?? "", ...(body.texts("Args") ?? [])].filter((part) => part !== ""),
    createdAt: timeFromWire(body.text("Created")) ?? new Date(0),
    state: stateFromWire(body.object("State"), extension.flag("WasStoppedManually")),
    labels: config.record("Labels") ?? {},
    ports: publishedPortsFromWire(settings),
    mounts: body.objects("Mounts").map(mountPointFromWire),
    networkMode: host.text("NetworkMode") ?? "",
    endpoints,
    restartCount: body.number("RestartCount") ?? 0,
    sizes:
      writableBytes === undefined
        ? undefined
        : { writableBytes, rootfsBytes: body.number("SizeRootFs") ?? 0 },
    spec: revive<ContainerSpec>(extension.raw("Spec")) ?? foreignSpec(config, host, settings, id),
    effective: effectiveFromWire(body, config),
    execIds: body.texts("ExecIDs") ?? [],
    paths: {
      log: body.text("LogPath") ?? "",
      hosts: body.text("HostsPath") ?? "",
      hostname: body.text("HostnamePath") ?? "",
      resolvConf: body.text("ResolvConfPath") ?? "",
    },
    sandboxId: settings.text("SandboxID") ?? "",
    graph: body.object("GraphDriver").record("Data") ?? {},
  });
}

function effectiveFromWire(body: WireObject, config: WireObject): ContainerInfo["effective"] {
  return {
    path: body.text("Path") ?? "",
    args: body.texts("Args") ?? [],
    env: config.texts("Env") ?? [],
    entrypoint: config.texts("Entrypoint"),
    cmd: config.texts("Cmd"),
    user: config.text("User") ?? "",
    workingDir: config.text("WorkingDir") ?? "",
    labels: config.record("Labels") ?? {},
    exposedPorts: config.object("ExposedPorts").keys(),
    volumes: config.object("Volumes").keys(),
    stopSignal: config.filled("StopSignal"),
    healthcheck: healthcheckFromWire(config.object("Healthcheck")),
    hostname: config.text("Hostname") ?? "",
  };
}

function foreignSpec(config: WireObject, host: WireObject, settings: WireObject, id: string): ContainerSpec {
  const networks = Object.fromEntries(
    settings.members("Networks").map(([name, endpoint]) => [name, askedForEndpoint(endpoint, id)]),
  );
  const { runtime: _runtime, ...spec } = containerSpecFromParts({
    config,
    host,
    networks: Object.keys(networks).length === 0 ? undefined : networks,
  });
  return compact<ContainerSpec>({
    ...spec,
    hostname: spec.hostname === id.slice(0, 12) ? undefined : spec.hostname,
    networkMode: spec.networkMode === "bridge" ? undefined : spec.networkMode,
    ipcMode: spec.ipcMode === "private" ? undefined : spec.ipcMode,
    shmSizeBytes: spec.shmSizeBytes === DEFAULT_SHM_BYTES ? undefined : spec.shmSizeBytes,
    maskedPaths: sameList(spec.maskedPaths, MASKED_PATHS) ? undefined : spec.maskedPaths,
    readonlyPaths: sameList(spec.readonlyPaths, READONLY_PATHS) ? undefined : spec.readonlyPaths,
  });
}

/** The address a running endpoint has is not one that was asked for: only `IPAMConfig` tells that. */
function askedForEndpoint(endpoint: WireObject, id: string): EndpointSpec {
  const { macAddress: _macAddress, aliases, ...spec } = endpointSpecFromWire(endpoint);
  return compact<EndpointSpec>({
    ...spec,
    aliases: aliases?.filter((alias) => alias !== id.slice(0, 12)),
  });
}

function sameList(one: readonly string[] | undefined, other: readonly string[]): boolean {
  return one?.length === other.length && one.every((item) => other.includes(item));
}

export function containerInfoFromJson(json: unknown): ContainerInfo {
  return containerInfoFromWire(new WireObject(json));
}
