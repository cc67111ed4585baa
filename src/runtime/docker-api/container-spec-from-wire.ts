import { compact } from "../../lib/compact.ts";
import {
  type ContainerSpec,
  type DeviceMapping,
  type EndpointSpec,
  type PortBinding,
  RuntimeError,
  type Ulimit,
} from "../index.ts";
import { endpointSpecFromWire } from "./endpoints.ts";
import { consoleSizeFromWire } from "./exec.ts";
import { healthcheckFromWire } from "./image-config.ts";
import { mountsFromWire } from "./mounts.ts";
import { portBindingsFromWire } from "./ports.ts";
import { resourcesFromWire, restartPolicyFromWire } from "./resources.ts";
import type { WireObject } from "./wire-object.ts";

/** Docker's name for "whatever the engine's default network is". */
const DEFAULT_NETWORK = "default";

/** The body of `POST /containers/create`: configuration, `HostConfig` and `NetworkingConfig`. */
export function containerSpecFromWire(body: WireObject, platform?: string): ContainerSpec {
  const host = body.object("HostConfig");
  const networks = endpointsOf(body.object("NetworkingConfig"));
  return containerSpecFromParts({ config: body, host, networks, platform });
}

export function containerSpecFromParts(parts: {
  readonly config: WireObject;
  readonly host: WireObject;
  readonly networks: Readonly<Record<string, EndpointSpec>> | undefined;
  readonly platform?: string | undefined;
}): ContainerSpec {
  const { config, host, networks, platform } = parts;
  return compact<ContainerSpec>({
    image: config.text("Image") ?? "",
    platform,
    ...processOf(config, host),
    ...storageOf(config, host),
    ...networkingOf(config, host, networks),
    ...isolationOf(host),
    resources: resourcesFromWire(host),
    restartPolicy: restartPolicyFromWire(host.object("RestartPolicy")),
    autoRemove: host.isSet("AutoRemove"),
    init: host.flag("Init"),
    annotations: host.someRecord("Annotations"),
    runtime: host.filled("Runtime"),
    log: logOf(host.object("LogConfig")),
  });
}

type Part = { readonly [K in keyof ContainerSpec]?: ContainerSpec[K] | undefined };

function processOf(config: WireObject, host: WireObject): Part {
  return {
    command: config.someTexts("Cmd"),
    entrypoint: entrypointOf(config.texts("Entrypoint")),
    env: config.someTexts("Env"),
    labels: config.someRecord("Labels"),
    user: config.filled("User"),
    workingDir: config.filled("WorkingDir"),
    hostname: config.filled("Hostname"),
    domainname: config.filled("Domainname"),
    tty: config.isSet("Tty"),
    consoleSize: consoleSizeFromWire(host),
    openStdin: config.isSet("OpenStdin"),
    stdinOnce: config.isSet("StdinOnce"),
    attachStdin: config.isSet("AttachStdin"),
    attachStdout: config.isSet("AttachStdout"),
    attachStderr: config.isSet("AttachStderr"),
    stopSignal: config.filled("StopSignal"),
    stopTimeoutSeconds: config.number("StopTimeout"),
    healthcheck: healthcheckFromWire(config.object("Healthcheck")),
  };
}

/** `[""]` is how the docker client says "no entrypoint". */
function entrypointOf(entrypoint: readonly string[] | undefined): readonly string[] | undefined {
  return entrypoint?.length === 1 && entrypoint[0] === "" ? [] : entrypoint;
}

function storageOf(config: WireObject, host: WireObject): Part {
  const mounts = mountsFromWire(config, host);
  return {
    mounts: mounts.length === 0 ? undefined : mounts,
    volumesFrom: host.someTexts("VolumesFrom"),
    readOnlyRootfs: host.isSet("ReadonlyRootfs"),
    shmSizeBytes: host.amount("ShmSize"),
    volumeDriver: host.filled("VolumeDriver"),
    storageOptions: host.someRecord("StorageOpt"),
  };
}

function networkingOf(
  config: WireObject,
  host: WireObject,
  networks: Readonly<Record<string, EndpointSpec>> | undefined,
): Part {
  const mode = host.filled("NetworkMode");
  const ports = portBindingsFromWire(host);
  return {
    networkMode: mode === DEFAULT_NETWORK ? undefined : mode,
    networks,
    networkDisabled: config.isSet("NetworkDisabled"),
    macAddress: config.filled("MacAddress"),
    exposedPorts: exposedOnly(config, ports),
    ports: ports.length === 0 ? undefined : ports,
    publishAllPorts: host.isSet("PublishAllPorts"),
    dns: host.someTexts("Dns"),
    dnsSearch: host.someTexts("DnsSearch"),
    dnsOptions: host.someTexts("DnsOptions"),
    extraHosts: host.someTexts("ExtraHosts"),
    links: host.someTexts("Links"),
  };
}

/** What is published is exposed without saying so; clients say it all the same. */
function exposedOnly(config: WireObject, published: readonly PortBinding[]): readonly string[] | undefined {
  const names = new Set(published.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  const others = config
    .object("ExposedPorts")
    .keys()
    .filter((name) => !names.has(name));
  return others.length === 0 ? undefined : others;
}

/** Says nothing where the default network's endpoint says nothing; otherwise it goes by its real name. */
function endpointsOf(networking: WireObject): Readonly<Record<string, EndpointSpec>> | undefined {
  const endpoints = networking
    .members("EndpointsConfig")
    .map(([name, endpoint]) => [name, endpointSpecFromWire(endpoint)] as const)
    .filter(([name, endpoint]) => name !== DEFAULT_NETWORK || Object.keys(endpoint).length > 0)
    .map(([name, endpoint]) => [name === DEFAULT_NETWORK ? "bridge" : name, endpoint] as const);
  return endpoints.length === 0 ? undefined : Object.fromEntries(endpoints);
}

function isolationOf(host: WireObject): Part {
  const cgroupns = host.text("CgroupnsMode");
  return {
    isolation: technologyOf(host.filled("Isolation")),
    ipcMode: host.filled("IpcMode"),
    pidMode: host.filled("PidMode"),
    utsMode: host.filled("UTSMode"),
    cgroupnsMode: cgroupns === "private" || cgroupns === "host" ? cgroupns : undefined,
    usernsMode: host.filled("UsernsMode"),
    cgroupParent: host.filled("CgroupParent"),
    privileged: host.isSet("Privileged"),
    capAdd: host.someTexts("CapAdd"),
    capDrop: host.someTexts("CapDrop"),
    groupAdd: host.someTexts("GroupAdd"),
    securityOptions: host.someTexts("SecurityOpt"),
    devices: some(host.objects("Devices").map(deviceOf)),
    deviceCgroupRules: host.someTexts("DeviceCgroupRules"),
    deviceRequests: some(host.objects("DeviceRequests").map(deviceRequestOf)),
    ulimits: some(host.objects("Ulimits").map(ulimitFromWire)),
    sysctls: host.someRecord("Sysctls"),
    oomScoreAdj: host.amount("OomScoreAdj"),
    maskedPaths: host.texts("MaskedPaths"),
    readonlyPaths: host.texts("ReadonlyPaths"),
  };
}

function technologyOf(isolation: string | undefined): ContainerSpec["isolation"] {
  if (isolation === undefined) return undefined;
  if (isolation.toLowerCase() === "default") return "default";
  throw new RuntimeError("invalid", `invalid isolation (${isolation}): linux only supports 'default'`);
}

function deviceOf(device: WireObject): DeviceMapping {
  const hostPath = device.text("PathOnHost") ?? "";
  return {
    hostPath,
    containerPath: device.filled("PathInContainer") ?? hostPath,
    permissions: device.filled("CgroupPermissions") ?? "rwm",
  };
}

type DeviceRequest = NonNullable<ContainerSpec["deviceRequests"]>[number];

function deviceRequestOf(request: WireObject): DeviceRequest {
  const capabilities = request.raw("Capabilities");
  return compact<DeviceRequest>({
    driver: request.filled("Driver"),
    count: request.amount("Count"),
    deviceIds: request.someTexts("DeviceIDs"),
    capabilities: Array.isArray(capabilities)
      ? capabilities.map((group) => (Array.isArray(group) ? group.map(String) : [String(group)]))
      : undefined,
    options: request.someRecord("Options"),
  });
}

export function ulimitFromWire(ulimit: WireObject): Ulimit {
  const soft = ulimit.number("Soft") ?? 0;
  return { name: ulimit.text("Name") ?? "", soft, hard: ulimit.number("Hard") ?? soft };
}

function logOf(log: WireObject): ContainerSpec["log"] {
  const driver = log.filled("Type");
  const options = log.someRecord("Config");
  if (driver === undefined && options === undefined) return undefined;
  return compact<NonNullable<ContainerSpec["log"]>>({ driver, options });
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}
