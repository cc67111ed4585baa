import { randomBytes } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type ContainerSpec,
  type OutputChunk,
  type Resources,
  RuntimeError,
  type Ulimit,
} from "../../index.ts";
import { spawnProgram } from "../host/index.ts";
import { apparmorProfileOf, ensureProfile } from "../oci/apparmor.ts";
import { ociConfig } from "../oci/config.ts";
import { lastLoggedError, startError } from "../oci/failure.ts";
import { programEnv } from "../oci/run-program.ts";
import type { OciConfig } from "../oci/types.ts";
import type { PreparedMount, Sandbox } from "../parts.ts";
import { cgroupParentOf } from "./bundle.ts";
import type { ContainersContext } from "./context.ts";
import { effectiveOf } from "./effective.ts";
import { mergeOutput, outputsOf } from "./merge-output.ts";
import { DEFAULT_SHM_BYTES } from "./namespaces.ts";
import { ContainerRoot } from "./rooted-path.ts";
import { settleEndpoints } from "./sandbox-request.ts";
import { seccompTables } from "./seccomp-tables.ts";
import { removeIdleParent } from "./tear-down.ts";
import { userFiles } from "./user-files.ts";
import { lookUpUser } from "./user-lookup.ts";
import { checkUlimits } from "./validate-spec.ts";
import { writeConfig } from "./write-config.ts";

/** One command in a root that somebody else has mounted: a step of a build. */
export interface RunOnceRequest {
  /** Merged, writable folder; it is not unmounted here. */
  readonly rootfsDir: string;
  readonly command: readonly string[];
  /** `KEY=value`; PATH and HOSTNAME are filled in. */
  readonly env: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  /** On top of the usual ones, in mount order. */
  readonly mounts?: readonly PreparedMount[];
  /** `bridge` when absent; `none`, `host`, or a network's name. */
  readonly networkMode?: string;
  readonly extraHosts?: readonly string[];
  readonly hostname?: string;
  readonly shmSizeBytes?: number;
  readonly ulimits?: readonly Ulimit[];
  readonly resources?: Resources;
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly securityOptions?: readonly string[];
  readonly onOutput: (chunk: OutputChunk) => void;
  /** Kills the command. */
  readonly signal?: AbortSignal;
}

/**
 * Runs it to its end and resolves to its exit code; nothing is left behind. `invalid` (with 126 or 127) when it
 * cannot be started, `cancelled` when the signal aborts. Has the confinement of a container, no record and no
 * monitor: should we die, the next engine kills it.
 */
export async function runOnce(ctx: ContainersContext, request: RunOnceRequest): Promise<number> {
  const id = randomBytes(32).toString("hex");
  const bundleDir = ctx.layout.bundleDir(id);
  const cgroupsPath = `${cgroupParentOf(ctx.layout.instance)}/${id}`;
  const spec = specOf(request);
  checkUlimits(spec.ulimits);
  ctx.activity.starting++;
  try {
    await mkdir(bundleDir, { recursive: true, mode: 0o700 });
    const sandbox = await openSandbox(ctx, id, spec, request);
    const config = await composeConfig(ctx, { id, spec, request, sandbox, cgroupsPath });
    const nested = await writeConfig(ctx, id, { rootfsDir: request.rootfsDir, config });
    try {
      return await execute(ctx, id, request);
    } finally {
      await nested.detach();
    }
  } finally {
    await takeBack(ctx, id, cgroupsPath);
    ctx.activity.starting--;
    removeIdleParent(ctx);
  }
}

function specOf(request: RunOnceRequest): ContainerSpec {
  const { command, env, user, workingDir, networkMode, extraHosts, hostname } = request;
  const { shmSizeBytes, ulimits, resources, privileged, capAdd, securityOptions } = request;
  const optional = {
    user,
    workingDir,
    networkMode,
    extraHosts,
    hostname,
    shmSizeBytes,
    ulimits,
    resources,
    privileged,
  };
  const all = { ...optional, capAdd, securityOptions };
  const given = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return { image: "", command, env, ...given };
}

async function openSandbox(
  ctx: ContainersContext,
  id: string,
  spec: ContainerSpec,
  { hostname }: RunOnceRequest,
): Promise<Sandbox> {
  const named = await settleEndpoints(ctx.networks, spec);
  const endpoints = Object.fromEntries(
    await Promise.all(
      Object.entries(named).map(async ([name, endpoint]) => [(await ctx.networks.find(name)).id, endpoint]),
    ),
  );
  return ctx.networks.openSandbox({
    containerId: id,
    containerName: id.slice(0, 12),
    spec,
    hostname: hostname ?? id.slice(0, 12),
    endpoints,
    exposedPorts: [],
  });
}

async function composeConfig(
  ctx: ContainersContext,
  run: {
    readonly id: string;
    readonly spec: ContainerSpec;
    readonly request: RunOnceRequest;
    readonly sandbox: Sandbox;
    readonly cgroupsPath: string;
  },
): Promise<OciConfig> {
  const { id, spec, request, sandbox, cgroupsPath } = run;
  const effective = effectiveOf(spec, {}, id);
  const file = (name: string) => join(ctx.layout.bundleDir(id), name);
  const etc = { hosts: file("hosts"), hostname: file("hostname"), resolvConf: file("resolv.conf") };
  await Promise.all([
    writeFile(etc.hosts, sandbox.hosts),
    writeFile(etc.hostname, `${effective.hostname}\n`),
    writeFile(etc.resolvConf, sandbox.resolvConf),
    ensureProfile(apparmorProfileOf(spec, ctx.machine)),
  ]);
  using root = new ContainerRoot(request.rootfsDir);
  return ociConfig({
    spec,
    effective,
    rootfsDir: request.rootfsDir,
    cgroupsPath,
    user: lookUpUser({
      user: effective.user,
      groupAdd: [],
      ...userFiles(root),
    }),
    mounts: {
      user: request.mounts ?? [],
      etc,
      shm: { sizeBytes: request.shmSizeBytes ?? DEFAULT_SHM_BYTES },
    },
    namespaces: {
      network: sandbox.netnsPath === undefined ? networkFallback(spec) : { path: sandbox.netnsPath },
      pid: "own",
      ipc: "own",
      uts: "own",
    },
    machine: ctx.machine,
    seccompTables: seccompTables(root, { architecture: ctx.machine.architecture, program: effective.path }),
    devices: [],
    deviceRules: [],
    deviceNumbers: new Map(),
  });
}

const networkFallback = ({ networkMode }: ContainerSpec) => (networkMode === "host" ? "host" : "own");

async function execute(ctx: ContainersContext, id: string, request: RunOnceRequest): Promise<number> {
  const { signal } = request;
  const bundleDir = ctx.layout.bundleDir(id);
  const log = join(bundleDir, "oci.log");
  const pidFile = join(bundleDir, "pid");
  signal?.throwIfAborted();
  const child = spawnProgram(
    ctx.oci.path,
    [
      ...["--root", ctx.oci.stateDir, "--log", log, "--log-format=json"],
      ...["run", "--bundle", bundleDir, "--pid-file", pidFile, id],
    ],
    { cwd: bundleDir, stdio: ["ignore", "pipe", "pipe"], env: programEnv() },
  );
  const cgroupsPath = `${cgroupParentOf(ctx.layout.instance)}/${id}`;
  const kill = () => {
    void ctx.cgroups.killAll(cgroupsPath).catch(() => {});
    child.kill("SIGKILL");
  };
  signal?.addEventListener("abort", kill, { once: true });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new RuntimeError("unavailable", `Cannot run ${ctx.oci.path}`, { cause })),
    );
    child.once("exit", (code) => resolve(code ?? 137));
  });
  try {
    for await (const chunk of mergeOutput(outputsOf(child))) request.onOutput(chunk);
    const code = await ended;
    if (signal?.aborted)
      throw new RuntimeError("cancelled", "The command was cancelled", { cause: signal.reason });
    const failure = lastLoggedError(await readFile(log, "utf8").catch(() => ""));
    const hasRun = (await readFile(pidFile, "utf8").catch(() => "")) !== "";
    if (!hasRun && code !== 0)
      throw startError({
        runtimeName: ctx.oci.name,
        program: request.command[0] ?? "",
        message: failure ?? "the OCI runtime ended without a word",
      });
    return code;
  } finally {
    signal?.removeEventListener("abort", kill);
  }
}

async function takeBack(ctx: ContainersContext, id: string, cgroupsPath: string): Promise<void> {
  const attempt = async (what: string, action: () => Promise<unknown>) => {
    await action().catch((error) =>
      ctx.log.error("Cannot take back what a command had", { what, id, error }),
    );
  };
  await attempt("processes", () => ctx.cgroups.killAll(cgroupsPath));
  await attempt("OCI runtime state", () => ctx.oci.delete(id));
  ctx.cgroups.remove(cgroupsPath);
  await attempt("network", () => ctx.networks.closeSandbox(id));
  await attempt("bundle", () => rm(ctx.layout.bundleDir(id), { recursive: true, force: true }));
}
