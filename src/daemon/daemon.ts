import { mkdirSync, rmSync } from "node:fs";
import type { Log } from "../lib/log.ts";
import { Controller, type Edge, type Report } from "../reconciler/index.ts";
import { type ContainerRuntime, RuntimeError } from "../runtime/index.ts";
import { createApiServer, type TcpOptions } from "../server/index.ts";
import type { DaemonPaths } from "./daemon-paths.ts";
import { type InstanceLock, takeInstanceLock } from "./instance-lock.ts";
import type { LockHolder } from "./lock-holder.ts";
import type { HeldRuntime } from "./open-runtime.ts";
import { isPortTaken } from "./port-probe.ts";
import type { DaemonStatus } from "./stack-api.ts";
import { StackDesk } from "./stack-desk.ts";
import { stackRoutes } from "./stack-routes.ts";
import { StackStore } from "./stack-store.ts";

export interface DaemonOptions {
  readonly paths: DaemonPaths;
  readonly version: string;
  readonly log: Log;
  /** Opens the engine, once the locks are ours. */
  readonly openRuntime: () => Promise<HeldRuntime>;
  readonly edge?: Edge;
  /** Serve on TCP too. */
  readonly tcp?: TcpOptions;
  /** Its abort ends the daemon in order. Containers go on running, unless the machine goes down. */
  readonly signal: AbortSignal;
  /** Asked when the signal has come. */
  readonly isMachineEnding?: () => Promise<boolean>;
  readonly onReady?: () => Promise<void> | void;
}

type Undo = () => void | Promise<void>;

/**
 * The background process: the engine, its API, and a controller that holds stored stacks. Resolves when it has
 * ended in order. Rejects with `conflict` when another daemon has this root or run folder; what it had begun is
 * undone then.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const undos: Undo[] = [];
  try {
    await run(options, undos);
  } finally {
    for (const undo of undos.reverse()) await undo();
  }
}

async function run(options: DaemonOptions, undos: Undo[]): Promise<void> {
  const { paths, log, signal } = options;
  const startedAt = new Date().toISOString();
  for (const lock of takeLocks(paths, startedAt)) undos.push(() => lock.release());
  const runtime = await options.openRuntime();
  let endsContainers = false;
  undos.push(() => runtime.close({ endsContainers }));
  const store = await StackStore.open(paths.stacksDir);
  for (const problem of store.broken.values()) log.error("A stored stack cannot be read", { problem });

  const lifetime = new AbortController();
  signal.addEventListener("abort", () => lifetime.abort(), { once: true });
  if (signal.aborted) lifetime.abort();
  const controller = new Controller({
    runtime,
    store,
    isPortTaken,
    onReport: (report) => logReport(log, report),
    onGone: (stack) => store.remove(stack),
    onFault: (stack, error) => log.error("A pass could not be made", { stack, error }),
    ...(options.edge !== undefined && { edge: options.edge }),
  });
  const stacks = new StackDesk({ runtime, store, controller, isPortTaken, lifetime: lifetime.signal });
  let stopsContainers = false;
  const server = createApiServer({
    runtime,
    version: options.version,
    onFault: (error, request) => log.error("A request failed", { ...request, error }),
    extraRoutes: stackRoutes({
      stacks,
      status: () => statusOf(options, runtime, stacks, startedAt),
      checkStore: async () => {
        if (runtime.checkStore !== undefined) return runtime.checkStore();
        throw new RuntimeError("unsupported", "Cannot check the store: this engine keeps none");
      },
      stop: ({ containers }) => {
        stopsContainers = containers === true;
        lifetime.abort();
      },
    }),
  });
  undos.push(() => rmSync(paths.socketPath, { force: true }));
  undos.push(() => server.close());
  await server.listenOnSocket(paths.socketPath);
  if (options.tcp !== undefined) await server.listenOnTcp(options.tcp);
  log.info("Serving", { socket: paths.socketPath, root: paths.rootDir, pid: process.pid });
  await options.onReady?.();
  await controller.run(lifetime.signal);
  if (!lifetime.signal.aborted) await once(lifetime.signal);
  endsContainers = signal.aborted && (await options.isMachineEnding?.()) === true;
  log.info("Ending", { stopsContainers: stopsContainers || endsContainers });
  if (stopsContainers) await stopAll(runtime, log);
}

function takeLocks(paths: DaemonPaths, startedAt: string): InstanceLock[] {
  mkdirSync(paths.rootDir, { recursive: true, mode: 0o710 });
  mkdirSync(paths.runDir, { recursive: true, mode: 0o755 });
  const holder: LockHolder = {
    pid: process.pid,
    rootDir: paths.rootDir,
    runDir: paths.runDir,
    startedAt,
  };
  const rootLock = takeInstanceLock(paths.rootLockPath, holder, `data root ${paths.rootDir}`);
  try {
    return [rootLock, takeInstanceLock(paths.runLockPath, holder, `run folder ${paths.runDir}`)];
  } catch (error) {
    rootLock.release();
    throw error;
  }
}

async function statusOf(
  { paths, version }: DaemonOptions,
  runtime: ContainerRuntime,
  stacks: StackDesk,
  startedAt: string,
): Promise<DaemonStatus> {
  const [info, entries] = await Promise.all([runtime.info(), stacks.list()]);
  return {
    pid: process.pid,
    version,
    rootDir: paths.rootDir,
    runDir: paths.runDir,
    socket: paths.socketPath,
    startedAt,
    engine: {
      name: info.name,
      version: info.version,
      ociRuntime: `${info.ociRuntime} ${info.ociRuntimeVersion}`,
    },
    containers: info.containers,
    stacks: entries.map(({ name, revision, status, problem }) => ({
      name,
      revision,
      state: problem === undefined ? (status?.state ?? "settled") : "unreadable",
      ...(problem !== undefined && { problem }),
    })),
    memoryBytes: process.memoryUsage.rss(),
  };
}

/** Each with its own grace period, all at once. Restart policies do not bring them back: the engine is closing. */
async function stopAll(runtime: ContainerRuntime, log: Log): Promise<void> {
  const running = await runtime.containers.list();
  await Promise.all(
    running.map(({ id, name }) =>
      runtime.containers
        .stop(id)
        .catch((error: unknown) => log.warn("Cannot stop container", { name, error })),
    ),
  );
}

function logReport(log: Log, report: Report): void {
  const failed = report.results.filter((result) => result.status === "failed");
  const fields = { stack: report.stackName, outcome: report.outcome, durationMs: report.durationMs };
  if (failed.length === 0 && report.plan.problems.length === 0) {
    if (report.outcome !== "unchanged") log.info("Pass done", { ...fields, steps: report.results.length });
    return;
  }
  for (const { step, error } of failed) log.warn("Step failed", { ...fields, step: step.id, error });
  for (const { message } of report.plan.problems) log.warn("Plan refused", { ...fields, problem: message });
}

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
