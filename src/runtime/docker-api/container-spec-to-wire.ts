import { compact } from "../../lib/compact.ts";
import type { ContainerSpec, PortBinding, Ulimit } from "../index.ts";
import { endpointSpecToWire } from "./endpoints.ts";
import { healthcheckToWire, setToWire } from "./image-config.ts";
import { mountsToWire } from "./mounts.ts";
import { portBindingsToWire } from "./ports.ts";
import { resourcesToWire, restartPolicyToWire } from "./resources.ts";

type Wire = Readonly<Record<string, unknown>>;

/** The body of `POST /containers/create`. The platform goes into the query. */
export function containerSpecToWire(spec: ContainerSpec): Wire {
  return {
    ...configToWire(spec),
    HostConfig: hostConfigToWire(spec),
    NetworkingConfig: {
      EndpointsConfig: Object.fromEntries(
        Object.entries(spec.networks ?? {}).map(([name, endpoint]) => [name, endpointSpecToWire(endpoint)]),
      ),
    },
  };
}

/** The configuration part, as asked for. */
export function configToWire(spec: ContainerSpec): Wire {
  const { volumes } = mountsToWire(spec.mounts, spec.volumeDriver);
  return compact<Record<string, unknown>>({
    Hostname: spec.hostname ?? "",
    Domainname: spec.domainname ?? "",
    User: spec.user ?? "",
    AttachStdin: spec.attachStdin ?? false,
    AttachStdout: spec.attachStdout ?? false,
    AttachStderr: spec.attachStderr ?? false,
    ExposedPorts: setToWire(withPublished(spec.exposedPorts, spec.ports)),
    Tty: spec.tty ?? false,
    OpenStdin: spec.openStdin ?? false,
    StdinOnce: spec.stdinOnce ?? false,
    Env: spec.env ?? null,
    Cmd: spec.command ?? null,
    Healthcheck: healthcheckToWire(spec.healthcheck),
    Image: spec.image,
    Volumes: Object.keys(volumes).length === 0 ? null : volumes,
    WorkingDir: spec.workingDir ?? "",
    Entrypoint: spec.entrypoint ?? null,
    NetworkDisabled: spec.networkDisabled,
    MacAddress: spec.macAddress,
    OnBuild: null,
    Labels: spec.labels ?? {},
    StopSignal: spec.stopSignal,
    StopTimeout: spec.stopTimeoutSeconds,
  });
}

/** dockerd publishes only what is exposed as well. */
export function withPublished(
  exposed: readonly string[] = [],
  published: readonly PortBinding[] = [],
): readonly string[] {
  const names = published.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`);
  return [...new Set([...exposed, ...names])];
}

/** As asked for, with Docker's zero values where nothing is said. */
export function hostConfigToWire(spec: ContainerSpec): Wire {
  return compact<Record<string, unknown>>({
    ...storageToWire(spec),
    ...networkingToWire(spec),
    ...isolationToWire(spec),
    ...resourcesToWire(spec.resources),
    ContainerIDFile: "",
    LogConfig: { Type: spec.log?.driver ?? "", Config: spec.log?.options ?? {} },
    RestartPolicy: restartPolicyToWire(spec.restartPolicy),
    AutoRemove: spec.autoRemove ?? false,
    Annotations: spec.annotations,
    ConsoleSize: [spec.consoleSize?.rows ?? 0, spec.consoleSize?.columns ?? 0],
    Init: spec.init,
    Runtime: spec.runtime,
    Isolation: spec.isolation ?? "",
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
  });
}

function storageToWire(spec: ContainerSpec): Wire {
  const { binds, mounts, tmpfs } = mountsToWire(spec.mounts, spec.volumeDriver);
  return {
    Binds: binds.length === 0 ? null : binds,
    Mounts: mounts.length === 0 ? undefined : mounts,
    Tmpfs: Object.keys(tmpfs).length === 0 ? undefined : tmpfs,
    VolumeDriver: spec.volumeDriver ?? "",
    VolumesFrom: spec.volumesFrom ?? null,
    ReadonlyRootfs: spec.readOnlyRootfs ?? false,
    ShmSize: spec.shmSizeBytes ?? 0,
    StorageOpt: spec.storageOptions,
  };
}

function networkingToWire(spec: ContainerSpec): Wire {
  return {
    NetworkMode: spec.networkMode ?? "default",
    PortBindings: portBindingsToWire(spec.ports),
    PublishAllPorts: spec.publishAllPorts ?? false,
    Dns: spec.dns ?? [],
    DnsOptions: spec.dnsOptions ?? [],
    DnsSearch: spec.dnsSearch ?? [],
    ExtraHosts: spec.extraHosts ?? null,
    Links: spec.links ?? null,
  };
}

function isolationToWire(spec: ContainerSpec): Wire {
  return {
    CapAdd: spec.capAdd ?? null,
    CapDrop: spec.capDrop ?? null,
    CgroupnsMode: spec.cgroupnsMode ?? "",
    GroupAdd: spec.groupAdd ?? null,
    IpcMode: spec.ipcMode ?? "",
    Cgroup: "",
    OomScoreAdj: spec.oomScoreAdj ?? 0,
    PidMode: spec.pidMode ?? "",
    Privileged: spec.privileged ?? false,
    SecurityOpt: spec.securityOptions ?? null,
    UTSMode: spec.utsMode ?? "",
    UsernsMode: spec.usernsMode ?? "",
    CgroupParent: spec.cgroupParent ?? "",
    Devices: (spec.devices ?? []).map((device) => ({
      PathOnHost: device.hostPath,
      PathInContainer: device.containerPath,
      CgroupPermissions: device.permissions,
    })),
    DeviceCgroupRules: spec.deviceCgroupRules ?? null,
    DeviceRequests: deviceRequestsToWire(spec.deviceRequests),
    Ulimits: (spec.ulimits ?? []).map(ulimitToWire),
    Sysctls: spec.sysctls,
    MaskedPaths: spec.maskedPaths ?? null,
    ReadonlyPaths: spec.readonlyPaths ?? null,
  };
}

function deviceRequestsToWire(requests: ContainerSpec["deviceRequests"]): unknown {
  if (requests === undefined) return null;
  return requests.map((request) => ({
    Driver: request.driver ?? "",
    Count: request.count ?? 0,
    DeviceIDs: request.deviceIds ?? null,
    Capabilities: request.capabilities ?? null,
    Options: request.options ?? {},
  }));
}

export function ulimitToWire({ name, hard, soft }: Ulimit): Wire {
  return { Name: name, Hard: hard, Soft: soft };
}
