import type { ContainerInfo, ContainerSpec, Ulimit } from "../../index.ts";
import { apparmorProfileOf } from "./apparmor.ts";
import { resolveCapabilities } from "./capabilities.ts";
import type { MachineFacts } from "./machine.ts";
import { INIT_PATH, type MountRequest, ociMounts } from "./mounts.ts";
import { DEFAULT_DEVICE_RULES, type DeviceNumbers, ociResources } from "./resources.ts";
import { DEFAULT_SECCOMP_PROFILE, resolveSeccomp, type SeccompContext } from "./seccomp.ts";
import { parseSecurityOptions } from "./security-options.ts";
import type {
  OciConfig,
  OciDevice,
  OciDeviceRule,
  OciNamespace,
  OciProcess,
  OciResources,
  OciSeccomp,
  OciUser,
} from "./types.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const DEFAULT_MASKED_PATHS: readonly string[] = [
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

export const DEFAULT_READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];

/** Where a namespace comes from: an own one, the machine's, or one that exists at a path. */
export type NamespaceChoice = "own" | "host" | { readonly path: string };

export interface ConfigRequest {
  readonly spec: ContainerSpec;
  readonly effective: ContainerInfo["effective"];
  readonly rootfsDir: string;
  readonly cgroupsPath: string;
  readonly user: OciUser;
  readonly mounts: Omit<MountRequest, "isPrivileged" | "isReadOnlyRootfs" | "initPath">;
  readonly namespaces: {
    readonly network: NamespaceChoice;
    readonly pid: NamespaceChoice;
    readonly ipc: NamespaceChoice;
    readonly uts: NamespaceChoice;
  };
  readonly machine: MachineFacts;
  readonly seccompTables: SeccompContext["tables"];
  /** Nodes for the devices asked for (all of the machine's when privileged), and what may be done with them. */
  readonly devices: readonly OciDevice[];
  readonly deviceRules: readonly OciDeviceRule[];
  readonly deviceNumbers: DeviceNumbers;
  /** The init process on the machine, when `spec.init`. */
  readonly initPath?: string;
}

/**
 * The config.json of a container: Docker's defaults (captured from 28.5) with the spec's wishes. Pure; every
 * path, id and number that had to be looked up is in the request.
 */
export function ociConfig(request: ConfigRequest): OciConfig {
  const { spec, effective, namespaces, rootfsDir } = request;
  const hasOwnHostname = namespaces.uts !== "host";
  return {
    ociVersion: "1.0.2",
    process: containerProcess(request),
    root: { path: rootfsDir, ...(spec.readOnlyRootfs === true ? { readonly: true } : {}) },
    ...(hasOwnHostname ? { hostname: effective.hostname } : {}),
    mounts: ociMounts({
      ...request.mounts,
      isPrivileged: spec.privileged === true,
      isReadOnlyRootfs: spec.readOnlyRootfs === true,
      ...(request.initPath === undefined ? {} : { initPath: request.initPath }),
    }),
    ...(spec.annotations === undefined ? {} : { annotations: spec.annotations }),
    linux: {
      ...sysctl(request),
      resources: resources(request),
      cgroupsPath: request.cgroupsPath,
      namespaces: ociNamespaces(request),
      ...(request.devices.length === 0 ? {} : { devices: request.devices }),
      ...seccomp(request),
      ...rootfsPropagation(request),
      ...hiddenPaths(spec),
    },
  };
}

function containerProcess(request: ConfigRequest): OciProcess {
  const { spec, effective, initPath } = request;
  const argv = [effective.path, ...effective.args];
  return {
    ...baseProcess(request),
    ...(spec.tty === true ? { terminal: true } : {}),
    ...(spec.tty === true && spec.consoleSize !== undefined
      ? { consoleSize: { height: spec.consoleSize.rows, width: spec.consoleSize.columns } }
      : {}),
    user: request.user,
    args: initPath === undefined ? argv : [INIT_PATH, "--", ...argv],
    env: processEnv(effective.env, { hostname: effective.hostname, tty: spec.tty === true }),
    cwd: effective.workingDir === "" ? "/" : effective.workingDir,
  };
}

type ProcessLimits = Pick<ConfigRequest, "spec" | "machine">;

/** What every process of a container shares, its execs too. */
export function baseProcess({ spec, machine }: ProcessLimits, isPrivileged = spec.privileged === true) {
  const capabilities = resolveCapabilities({
    ...(spec.capAdd === undefined ? {} : { add: spec.capAdd }),
    ...(spec.capDrop === undefined ? {} : { drop: spec.capDrop }),
    isPrivileged,
    bounding: machine.boundingCapabilities,
  });
  const security = parseSecurityOptions(spec.securityOptions);
  const apparmorProfile = apparmorProfileOf(spec, machine);
  const rlimits = ociRlimits(spec.ulimits ?? [], machine.hardLimits);
  return {
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    ...(rlimits.length === 0 ? {} : { rlimits }),
    ...(security.noNewPrivileges ? { noNewPrivileges: true } : {}),
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    // Without CAP_SYS_RESOURCE a lower score than ours is refused: the nearest allowed one, not a failure.
    oomScoreAdj: Math.max(spec.oomScoreAdj ?? 0, machine.leastOomScore),
  };
}

/** PATH and HOSTNAME first, then the container's own variables, each overriding in place as Docker does. */
export function processEnv(
  env: readonly string[],
  { hostname, tty }: { readonly hostname: string; readonly tty: boolean },
): readonly string[] {
  const variables = new Map([
    ["PATH", DEFAULT_PATH],
    ["HOSTNAME", hostname],
  ]);
  if (tty) variables.set("TERM", "xterm");
  for (const entry of env) {
    const cut = entry.indexOf("=");
    if (cut > 0) variables.set(entry.slice(0, cut), entry.slice(cut + 1));
    else variables.delete(entry);
  }
  return [...variables].map(([name, value]) => `${name}=${value}`);
}

function ociRlimits(ulimits: readonly Ulimit[], hardLimits: ReadonlyMap<string, number>) {
  return ulimits.map(({ name, soft, hard }) => {
    const type = `RLIMIT_${name.toUpperCase()}`;
    const most = hardLimits.get(type) ?? Number.POSITIVE_INFINITY;
    return { type, soft: clampLimit(soft, most), hard: clampLimit(hard, most) };
  });
}

/** The OCI runtime reads -1 as a number: unlimited is 2^64-1, which JSON numbers of ours cannot hold exactly. */
const UNLIMITED = 0xffff_ffff_ffff_f800;

function clampLimit(value: number, most: number): number {
  const wanted = value < 0 ? Number.POSITIVE_INFINITY : value;
  const given = Math.min(wanted, most);
  return given === Number.POSITIVE_INFINITY ? UNLIMITED : given;
}

function sysctl({ spec, namespaces }: ConfigRequest): { sysctl?: Record<string, string> } {
  const values: Record<string, string> = {};
  if (namespaces.network !== "host" && isOwnNetwork(spec)) {
    values["net.ipv4.ip_unprivileged_port_start"] = "0";
    values["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  if (spec.domainname !== undefined && spec.domainname !== "" && namespaces.uts !== "host")
    values["kernel.domainname"] = spec.domainname;
  Object.assign(values, spec.sysctls ?? {});
  return Object.keys(values).length === 0 ? {} : { sysctl: values };
}

function isOwnNetwork(spec: ContainerSpec): boolean {
  return !(spec.networkMode ?? "").startsWith("container:");
}

function resources({ spec, deviceRules, deviceNumbers }: ConfigRequest): OciResources {
  const devices =
    spec.privileged === true
      ? [{ allow: true, access: "rwm" }]
      : [...DEFAULT_DEVICE_RULES, ...deviceRules, ...parseDeviceRules(spec.deviceCgroupRules ?? [])];
  return { devices, ...ociResources(spec.resources ?? {}, deviceNumbers) };
}

/** `c 1:3 mr`, `a *:* rwm`; checked when the container was made. */
function parseDeviceRules(rules: readonly string[]): readonly OciDeviceRule[] {
  return rules.map((rule) => {
    const [, type, major, minor, access] = DEVICE_RULE.exec(rule) ?? [];
    return {
      allow: true,
      type: type === "b" || type === "c" ? type : "a",
      ...(major === undefined || major === "*" ? {} : { major: Number(major) }),
      ...(minor === undefined || minor === "*" ? {} : { minor: Number(minor) }),
      access: access ?? "rwm",
    };
  });
}

export const DEVICE_RULE = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

function ociNamespaces({ namespaces, spec, machine }: ConfigRequest): readonly OciNamespace[] {
  const shared = [
    ["network", namespaces.network],
    ["uts", namespaces.uts],
    ["pid", namespaces.pid],
    ["ipc", namespaces.ipc],
  ] as const;
  const cgroupMode = spec.cgroupnsMode ?? (machine.cgroupVersion === "2" ? "private" : "host");
  return [
    { type: "mount" },
    ...shared.flatMap(([type, choice]) =>
      choice === "host" ? [] : [{ type, ...(choice === "own" ? {} : { path: choice.path }) }],
    ),
    ...(cgroupMode === "private" ? [{ type: "cgroup" } as const] : []),
  ];
}

function seccomp({ spec, machine, seccompTables }: ConfigRequest): { seccomp?: OciSeccomp } {
  const choice = parseSecurityOptions(spec.securityOptions).seccomp;
  if (spec.privileged === true || choice === "unconfined") return {};
  const capabilities = baseProcess({ spec, machine }).capabilities.bounding;
  const isByName = choice === "default" || choice === "builtin";
  const context: SeccompContext = {
    capabilities,
    architecture: machine.architecture,
    kernelVersion: machine.kernelVersion,
    tables: choice === "default" ? seccompTables : "all",
  };
  return { seccomp: resolveSeccomp(isByName ? DEFAULT_SECCOMP_PROFILE : choice, context) };
}

/** A shared or slave mount needs a rootfs that lets it be one. */
function rootfsPropagation({ mounts }: ConfigRequest): { rootfsPropagation?: string } {
  const options = new Set(mounts.user.flatMap((mount) => mount.options));
  if (options.has("shared") || options.has("rshared")) return { rootfsPropagation: "rshared" };
  if (options.has("slave") || options.has("rslave")) return { rootfsPropagation: "rslave" };
  return {};
}

function hiddenPaths(spec: ContainerSpec): {
  maskedPaths?: readonly string[];
  readonlyPaths?: readonly string[];
} {
  if (spec.privileged === true) return {};
  return {
    maskedPaths: spec.maskedPaths ?? DEFAULT_MASKED_PATHS,
    readonlyPaths: spec.readonlyPaths ?? DEFAULT_READONLY_PATHS,
  };
}
