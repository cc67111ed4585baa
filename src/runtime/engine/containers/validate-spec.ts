import { type ContainerSpec, RuntimeError } from "../../index.ts";
import { normalCapability } from "../oci/capabilities.ts";
import { DEVICE_RULE } from "../oci/config.ts";
import { RLIMIT_NAMES } from "../oci/machine.ts";
import { parseSecurityOptions } from "../oci/security-options.ts";
import { logLimits } from "./log-options.ts";
import { signalNumber } from "./signals.ts";

const HOSTNAME = /^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,62})$/;

/**
 * `invalid`, in Docker's words where it has any, for what no container can have; `unsupported` for what this
 * engine cannot give. What passes is honoured.
 */
export function validateSpec(spec: ContainerSpec, runtimeNames: readonly string[]): void {
  for (const [field, value] of Object.entries(spec))
    if (hasNul(value)) throw invalid(`invalid ${field}: it has a NUL character`);
  validateLife(spec);
  validateNames(spec);
  validateSecurity(spec);
  validateSizes(spec);
  validateModes(spec);
  logLimits(spec.log);
  refuseUnsupported(spec, runtimeNames);
}

/** The kernel's texts end there: what is behind it would count for us and not for the kernel. */
function hasNul(value: unknown): boolean {
  if (typeof value === "string") return value.includes("\0");
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some((entry) => entry.some(hasNul));
}

function validateLife({ autoRemove, restartPolicy, stopSignal, healthcheck }: ContainerSpec): void {
  if (autoRemove === true && restartPolicy !== undefined && restartPolicy.name !== "no")
    throw invalid("can't create 'AutoRemove' container with restart policy");
  if (restartPolicy?.name === "on-failure" && restartPolicy.maximumRetryCount < 0)
    throw invalid("invalid restart policy: maximum retry count cannot be negative");
  if (stopSignal !== undefined && stopSignal !== "") signalNumber(stopSignal);
  const { test = [], retries = 0, ...times } = healthcheck ?? {};
  if (test[0] !== undefined && !["NONE", "CMD", "CMD-SHELL"].includes(test[0]))
    throw invalid(`Unknown type '${test[0]}' in healthcheck (try 'CMD')`);
  if (retries < 0) throw invalid("Retries in Healthcheck cannot be negative");
  for (const [name, ms] of Object.entries(times))
    if (typeof ms === "number" && ms !== 0 && ms < 1)
      throw invalid(`${titled(name.replace(/Ms$/, ""))} in Healthcheck cannot be less than 1ms`);
}

function titled(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

function validateNames({
  hostname,
  workingDir,
  env = [],
  labels = {},
  annotations = {},
}: ContainerSpec): void {
  if (hostname !== undefined && hostname !== "" && !HOSTNAME.test(hostname))
    throw invalid(`invalid hostname format: ${hostname}`);
  if (workingDir !== undefined && workingDir !== "" && !workingDir.startsWith("/"))
    throw invalid(`the working directory '${workingDir}' is invalid, it needs to be an absolute path`);
  for (const entry of env)
    if (entry === "" || entry.startsWith("=")) throw invalid(`invalid environment variable: ${entry}`);
  if ("" in annotations)
    throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
  if ("" in labels) throw invalid("invalid label: its name is empty");
}

function validateSecurity(spec: ContainerSpec): void {
  for (const name of spec.capAdd ?? []) normalCapability(name, "CapAdd");
  for (const name of spec.capDrop ?? []) normalCapability(name, "CapDrop");
  parseSecurityOptions(spec.securityOptions);
  for (const rule of spec.deviceCgroupRules ?? [])
    if (!DEVICE_RULE.test(rule)) throw invalid(`invalid device cgroup rule format: '${rule}'`);
  for (const { hostPath, permissions } of spec.devices ?? [])
    if (!/^[rwm]*$/.test(permissions))
      throw invalid(`bad mode specified for device "${hostPath}": ${permissions}`);
  checkUlimits(spec.ulimits);
}

export function checkUlimits(ulimits: ContainerSpec["ulimits"] = []): void {
  for (const { name, soft, hard } of ulimits) {
    if (!RLIMIT_NAMES.has(`RLIMIT_${name.toUpperCase()}`)) throw invalid(`invalid ulimit type: ${name}`);
    if (hard >= 0 && (soft > hard || soft < 0))
      throw invalid(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
}

function validateSizes({ shmSizeBytes = 0, oomScoreAdj = 0 }: ContainerSpec): void {
  if (shmSizeBytes < 0) throw invalid("SHM size can not be less than 0");
  if (oomScoreAdj < -1000 || oomScoreAdj > 1000)
    throw invalid(`Invalid value ${oomScoreAdj}, range for oom score adj is [-1000, 1000]`);
}

function validateModes(spec: ContainerSpec): void {
  const { ipcMode = "", pidMode = "", utsMode = "", usernsMode = "" } = spec;
  if (!["", "private", "shareable", "host", "none"].includes(ipcMode) && !isDonor(ipcMode))
    throw invalid(`invalid IPC mode: ${ipcMode}`);
  if (!["", "host", "private"].includes(pidMode) && !isDonor(pidMode))
    throw invalid(`invalid PID mode: ${pidMode}`);
  if (!["", "host"].includes(utsMode)) throw invalid(`invalid UTS mode: ${utsMode}`);
  if (!["", "host"].includes(usernsMode)) throw invalid(`invalid userns mode: ${usernsMode}`);
  if (spec.networkMode?.startsWith("container:") && spec.networkMode === "container:")
    throw invalid("invalid container format container:<name|id>");
  const isShared = isDonor(spec.networkMode ?? "");
  const links = spec.links ?? [];
  const undefinedBehaviour = "can't be used with links. This would result in undefined behavior";
  if (isShared && links.length > 0)
    throw invalid(`conflicting options: container type network ${undefinedBehaviour}`);
  if (spec.networkMode === "host" && links.length > 0)
    throw invalid(`conflicting options: host type networking ${undefinedBehaviour}`);
  if (isShared && (spec.dns ?? []).length > 0) throw invalid("conflicting options: dns and the network mode");
  if (isShared && (spec.ports ?? []).length > 0)
    throw invalid("conflicting options: port publishing and the container type network mode");
  if (isShared && spec.hostname !== undefined && spec.hostname !== "")
    throw invalid("conflicting options: hostname and the network mode");
  if (utsMode === "host" && spec.hostname !== undefined && spec.hostname !== "")
    throw invalid("conflicting options: hostname and the UTS mode");
  if (isShared && (spec.extraHosts ?? []).length > 0)
    throw invalid("conflicting options: custom host-to-IP mapping and the network mode");
  if (isShared && (spec.exposedPorts ?? []).length > 0)
    throw invalid("conflicting options: port exposing and the container type network mode");
  for (const name of Object.keys(spec.sysctls ?? {})) validateSysctl(name, spec);
}

const isDonor = (mode: string) => mode.startsWith("container:") && mode !== "container:";

/** Only what has a namespace of its own may be set. */
function validateSysctl(name: string, { networkMode, ipcMode, utsMode }: ContainerSpec): void {
  const isIpc = name.startsWith("fs.mqueue.") || /^kernel\.(msg|sem|shm)/.test(name);
  if (name.startsWith("net.") && networkMode === "host")
    throw invalid(`sysctl '${name}' not allowed in host network namespace`);
  if (isIpc && ipcMode === "host") throw invalid(`sysctl '${name}' not allowed in host ipc namespace`);
  if (name === "kernel.domainname" && utsMode === "host")
    throw invalid(`sysctl '${name}' not allowed in host UTS namespace`);
  if (!name.startsWith("net.") && !isIpc && name !== "kernel.domainname")
    throw invalid(`sysctl '${name}' is not in a separate kernel namespace`);
}

function refuseUnsupported(spec: ContainerSpec, runtimeNames: readonly string[]): void {
  const { runtime = "", deviceRequests = [], storageOptions = {} } = spec;
  if (runtime !== "" && !runtimeNames.includes(runtime))
    throw invalid(`unknown or invalid runtime name: ${runtime}`);
  const [request] = deviceRequests;
  if (request !== undefined)
    throw new RuntimeError(
      "unsupported",
      `could not select device driver "${request.driver ?? ""}" with capabilities: [[${(request.capabilities ?? []).flat().join(" ")}]]`,
    );
  const [option] = Object.keys(storageOptions);
  if (option !== undefined)
    throw new RuntimeError(
      "unsupported",
      `--storage-opt ${option} is not supported: the layers have no quota`,
    );
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}
