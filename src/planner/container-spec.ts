import { stableJson } from "../lib/stable-json.ts";
import type { ContainerSpec } from "../runtime/index.ts";
import { bytesOf, millisecondsOf, type Service, type Stack } from "../spec/index.ts";
import { serviceHash, sha256 } from "./config-hash.ts";
import { filesOf } from "./container-files.ts";
import { mountsOf } from "./container-mounts.ts";
import { networkingOf } from "./container-networks.ts";
import { resourcesOf } from "./container-resources.ts";
import { containerLabels, LABEL } from "./labels.ts";
import { containerName, imageOf } from "./names.ts";
import type { Hazard, InjectedFile, Joins, PlanProblem } from "./plan.ts";
import { unsupportedOf } from "./unsupported.ts";

export interface Replica {
  readonly stack: Stack;
  readonly serviceName: string;
  readonly service: Service;
  readonly number: number;
  /** Containers of a service, by name; for links. */
  readonly namesOf: (serviceName: string) => readonly string[];
}

/** One container of the stack, ready to be made. */
export interface Draft {
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly joins?: Joins;
  readonly files: readonly InjectedFile[];
  readonly filesDigest?: string;
  readonly problems: readonly PlanProblem[];
  readonly hazards: readonly Hazard[];
}

/** A service's replica as what the runtime is given. What cannot take effect is a problem or a hazard with its path. */
export function containerSpecOf(replica: Replica): Draft {
  const { stack, serviceName, service, number } = replica;
  const name = containerName(stack, serviceName, service, number);
  const declared = mountsOf(stack, service);
  const { injected, mounts: fileMounts, hazards, problems } = filesOf(replica, declared);
  const joins = joinsOf(replica);
  const mounts = [...declared, ...fileMounts];
  const spec: ContainerSpec = {
    image: imageOf(stack, serviceName, service),
    ...processOf(service),
    ...lifeOf(service),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...networkingOf(replica, name),
    ...isolationOf(replica),
    ...resourcesOf(service),
    labels: {
      ...containerLabels(stack, { serviceName, service, number }),
      [LABEL.configHash]: serviceHash(service),
    },
  };
  const refused = unsupportedOf(stack, serviceName, service);
  return {
    name,
    spec,
    ...(joins === undefined ? {} : { joins }),
    files: injected,
    ...(injected.length === 0 ? {} : { filesDigest: digestOf(stack, injected) }),
    problems: [...problems, ...refused.problems],
    hazards: [...hazards, ...refused.hazards],
  };
}

function digestOf(stack: Stack, files: readonly InjectedFile[]): string {
  const contents = files.map((file) => {
    const objects = file.kind === "config" ? stack.configs : stack.secrets;
    const { content, fileContent } = objects[file.source] ?? {};
    return { ...file, content, fileContent };
  });
  return sha256(stableJson(contents));
}

function processOf(service: Service): Partial<ContainerSpec> {
  return {
    ...(service.platform !== undefined && { platform: service.platform }),
    ...(service.command !== undefined && { command: service.command }),
    ...(service.entrypoint !== undefined && { entrypoint: service.entrypoint }),
    ...(service.environment !== undefined && { env: environmentOf(service.environment) }),
    ...(service.annotations !== undefined && { annotations: service.annotations }),
    ...(service.user !== undefined && { user: service.user }),
    ...(service.group_add !== undefined && { groupAdd: service.group_add }),
    ...(service.working_dir !== undefined && { workingDir: service.working_dir }),
    ...(service.tty === true && { tty: true }),
    ...(service.stdin_open === true && { openStdin: true }),
    ...(service.init !== undefined && { init: service.init }),
  };
}

/** `KEY=value` by key; a key without a value removes the image's. */
export function environmentOf(environment: Readonly<Record<string, string | null>>): readonly string[] {
  return Object.keys(environment)
    .sort()
    .map((key) => {
      const value = environment[key];
      return value === null || value === undefined ? key : `${key}=${value}`;
    });
}

function lifeOf(service: Service): Partial<ContainerSpec> {
  const restartPolicy = restartPolicyOf(service);
  const { stop_grace_period: grace, logging } = service;
  return {
    ...(service.stop_signal !== undefined && { stopSignal: service.stop_signal }),
    ...(grace !== undefined && { stopTimeoutSeconds: Math.trunc(millisecondsOf(grace) / 1000) }),
    ...(service.healthcheck !== undefined && { healthcheck: healthcheckOf(service.healthcheck) }),
    ...(restartPolicy !== undefined && { restartPolicy }),
    ...(logging !== undefined && {
      log: {
        ...(logging.driver !== undefined && { driver: logging.driver }),
        ...(logging.options !== undefined && { options: logging.options }),
      },
    }),
  };
}

function healthcheckOf(
  check: NonNullable<Service["healthcheck"]>,
): NonNullable<ContainerSpec["healthcheck"]> {
  if (check.disable === true) return { test: ["NONE"] };
  return {
    ...(check.test !== undefined && { test: check.test }),
    ...(check.interval !== undefined && { intervalMs: millisecondsOf(check.interval) }),
    ...(check.timeout !== undefined && { timeoutMs: millisecondsOf(check.timeout) }),
    ...(check.start_period !== undefined && { startPeriodMs: millisecondsOf(check.start_period) }),
    ...(check.start_interval !== undefined && { startIntervalMs: millisecondsOf(check.start_interval) }),
    ...(check.retries !== undefined && { retries: check.retries }),
  };
}

/** `deploy.restart_policy`, or else `restart`, as docker compose 2.40.3 has it (pkg/compose/create.go). */
export function restartPolicyOf({ restart, deploy }: Service): ContainerSpec["restartPolicy"] {
  const policy = deploy?.restart_policy;
  // The specification's default; docker compose takes its absence for none.
  if (policy !== undefined) return policyNamed(policy.condition ?? "any", policy.max_attempts ?? 0);
  if (restart === undefined || restart === "") return undefined;
  const [name = "", count] = restart.split(":");
  return policyNamed(name, Number(count ?? 0));
}

function policyNamed(name: string, maximumRetryCount: number): ContainerSpec["restartPolicy"] {
  if (name === "none" || name === "no") return { name: "no" };
  if (name === "any" || name === "always") return { name: "always" };
  if (name === "unless-stopped") return { name };
  return name === "on-failure" ? { name, maximumRetryCount } : undefined;
}

/** Namespaces, privileges and what the process may do. */
function isolationOf({ stack, service, namesOf }: Replica): Partial<ContainerSpec> {
  const ipcMode = joinedMode(service.ipc, namesOf);
  const pidMode = joinedMode(service.pid, namesOf);
  const from = service.volumes_from?.map((entry) => volumesFromOf(entry, namesOf));
  const { cgroup } = service;
  return {
    ...(ipcMode !== undefined && { ipcMode }),
    ...(pidMode !== undefined && { pidMode }),
    ...(from !== undefined && { volumesFrom: from }),
    ...(service.uts !== undefined && { utsMode: service.uts }),
    ...(service.userns_mode !== undefined && { usernsMode: service.userns_mode }),
    ...((cgroup === "host" || cgroup === "private") && { cgroupnsMode: cgroup }),
    ...(service.cgroup_parent !== undefined && { cgroupParent: service.cgroup_parent }),
    ...(service.privileged === true && { privileged: true }),
    ...(service.read_only === true && { readOnlyRootfs: true }),
    ...(service.cap_add !== undefined && { capAdd: service.cap_add }),
    ...(service.cap_drop !== undefined && { capDrop: service.cap_drop }),
    ...(service.security_opt !== undefined && {
      securityOptions: service.security_opt.map((option) => absoluteProfile(option, stack.workingDir)),
    }),
    ...(service.sysctls !== undefined && { sysctls: service.sysctls }),
    ...(service.runtime !== undefined && { runtime: service.runtime }),
    ...(service.shm_size !== undefined && { shmSizeBytes: bytesOf(service.shm_size) }),
    ...(service.storage_opt !== undefined && { storageOptions: service.storage_opt }),
    ...(service.oom_score_adj !== undefined && { oomScoreAdj: service.oom_score_adj }),
  };
}

/** `seccomp=profile.json` is a file beside the Compose file; the executor puts its text in. */
function absoluteProfile(option: string, workingDir: string): string {
  const match = /^seccomp[=:](.*)$/s.exec(option);
  const profile = match?.[1];
  if (profile === undefined || profile === "unconfined" || profile === "builtin") return option;
  return profile.startsWith("/") || profile.startsWith("{")
    ? `seccomp=${profile}`
    : `seccomp=${workingDir}/${profile}`;
}

/** `service:x` as `container:<its first container>`; anything else as it is. */
export function joinedMode(
  mode: string | undefined,
  namesOf: (serviceName: string) => readonly string[],
): string | undefined {
  if (mode === undefined || !mode.startsWith("service:")) return mode;
  const serviceName = mode.slice("service:".length);
  return `container:${namesOf(serviceName)[0] ?? serviceName}`;
}

function volumesFromOf(entry: string, namesOf: (serviceName: string) => readonly string[]): string {
  const [first = "", ...rest] = entry.split(":");
  if (first === "container") return rest.join(":");
  return [namesOf(first)[0] ?? first, ...rest].join(":");
}

function joinsOf({ service, namesOf }: Replica): Joins | undefined {
  const names = joinedServices(service);
  if (names.length === 0) return undefined;
  const containerNames = Object.fromEntries(names.map((name) => [name, namesOf(name)[0] ?? name]));
  return { service, containerNames };
}

/** The services whose container this one shares a namespace or volumes with. */
export function joinedServices(service: Service): readonly string[] {
  const modes = [service.network_mode, service.ipc, service.pid]
    .filter((mode) => mode?.startsWith("service:") === true)
    .map((mode) => (mode ?? "").slice("service:".length));
  const from = (service.volumes_from ?? [])
    .map((entry) => entry.split(":")[0] ?? "")
    .filter((name) => name !== "container");
  return [...new Set([...modes, ...from])];
}
