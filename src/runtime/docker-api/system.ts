import { goArchitecture } from "../../lib/go-architecture.ts";
import type { RuntimeInfo } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

type Wire = Readonly<Record<string, unknown>>;

export const API_VERSION = "1.51";
export const MIN_API_VERSION = "1.24";

export function versionToWire(info: RuntimeInfo): Wire {
  const arch = goArchitecture(info.architecture);
  const details = {
    ApiVersion: API_VERSION,
    Arch: arch,
    BuildTime: "",
    Experimental: "false",
    GitCommit: "",
    GoVersion: "",
    KernelVersion: info.kernelVersion,
    MinAPIVersion: MIN_API_VERSION,
    Os: info.os,
  };
  return {
    Platform: { Name: info.name },
    Components: [
      { Name: "Engine", Version: info.version, Details: details },
      { Name: info.ociRuntime, Version: info.ociRuntimeVersion, Details: { GitCommit: "" } },
    ],
    Version: info.version,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: "",
    GoVersion: "",
    Os: info.os,
    Arch: arch,
    KernelVersion: info.kernelVersion,
    BuildTime: "",
  };
}

export function infoToWire(info: RuntimeInfo, now: Date): Wire {
  return {
    ID: info.id,
    Containers: info.containers.running + info.containers.paused + info.containers.stopped,
    ContainersRunning: info.containers.running,
    ContainersPaused: info.containers.paused,
    ContainersStopped: info.containers.stopped,
    Images: info.images,
    Driver: info.storageDriver,
    DriverStatus: [["Supports d_type", "true"]],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: ["json-file", "local", "none"],
    },
    MemoryLimit: true,
    SwapLimit: true,
    CpuCfsPeriod: true,
    CpuCfsQuota: true,
    CPUShares: true,
    CPUSet: true,
    PidsLimit: true,
    IPv4Forwarding: true,
    Debug: false,
    NFd: 0,
    OomKillDisable: info.cgroupVersion === "1",
    NGoroutines: 0,
    SystemTime: now.toISOString(),
    LoggingDriver: "json-file",
    CgroupDriver: info.cgroupDriver,
    CgroupVersion: info.cgroupVersion,
    NEventsListener: 0,
    KernelVersion: info.kernelVersion,
    OperatingSystem: info.operatingSystem,
    OSVersion: "",
    OSType: info.os,
    Architecture: info.architecture,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: registryConfig(info),
    NCPU: info.cpus,
    MemTotal: info.memoryBytes,
    GenericResources: null,
    DockerRootDir: info.rootDir,
    HttpProxy: "",
    HttpsProxy: "",
    NoProxy: "",
    Name: info.hostname,
    Labels: [],
    ExperimentalBuild: false,
    ServerVersion: info.version,
    Runtimes: { [info.ociRuntime]: { path: info.ociRuntime } },
    DefaultRuntime: info.ociRuntime,
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "docker-init",
    ContainerdCommit: { ID: "" },
    RuncCommit: { ID: info.ociRuntimeVersion },
    InitCommit: { ID: "" },
    SecurityOptions: info.securityOptions,
    ProductLicense: "",
    CDISpecDirs: [],
    Warnings: info.warnings.length === 0 ? null : info.warnings,
  };
}

function registryConfig(info: RuntimeInfo): Wire {
  const insecure = info.insecureRegistries.filter((entry) => !entry.includes("/"));
  const index = (name: string, isSecure: boolean): Wire => ({
    Mirrors: name === "docker.io" ? info.registryMirrors : [],
    Name: name,
    Official: name === "docker.io",
    Secure: isSecure,
  });
  return {
    IndexConfigs: {
      ...Object.fromEntries(insecure.map((name) => [name, index(name, false)])),
      "docker.io": index("docker.io", true),
    },
    InsecureRegistryCIDRs: [
      ...new Set(["::1/128", "127.0.0.0/8", ...info.insecureRegistries.filter((e) => e.includes("/"))]),
    ],
    Mirrors: info.registryMirrors,
  };
}

export function infoFromWire(body: WireObject, name: string): RuntimeInfo {
  const registry = body.object("RegistryConfig");
  const ociRuntime = body.text("DefaultRuntime") ?? "runc";
  return {
    id: body.text("ID") ?? "",
    name,
    version: body.text("ServerVersion") ?? "",
    rootDir: body.text("DockerRootDir") ?? "",
    hostname: body.text("Name") ?? "",
    kernelVersion: body.text("KernelVersion") ?? "",
    operatingSystem: body.text("OperatingSystem") ?? "",
    os: body.text("OSType") ?? "linux",
    architecture: body.text("Architecture") ?? "",
    cpus: body.number("NCPU") ?? 0,
    memoryBytes: body.number("MemTotal") ?? 0,
    cgroupVersion: body.text("CgroupVersion") === "2" ? "2" : "1",
    cgroupDriver: body.text("CgroupDriver") ?? "",
    storageDriver: body.text("Driver") ?? "",
    ociRuntime,
    ociRuntimeVersion: body.object("RuncCommit").text("ID") ?? "",
    containers: {
      running: body.number("ContainersRunning") ?? 0,
      paused: body.number("ContainersPaused") ?? 0,
      stopped: body.number("ContainersStopped") ?? 0,
    },
    images: body.number("Images") ?? 0,
    securityOptions: body.texts("SecurityOptions") ?? [],
    registryMirrors: registry.texts("Mirrors") ?? [],
    insecureRegistries: registry
      .members("IndexConfigs")
      .filter(([, index]) => index.flag("Secure") === false)
      .map(([host]) => host),
    warnings: body.texts("Warnings") ?? [],
  };
}
