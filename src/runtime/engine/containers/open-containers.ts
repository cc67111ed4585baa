import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Log } from "../../../lib/log.ts";
import { type Containers, type EndpointSpec, RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { EventBus } from "../event-bus.ts";
import type { Host } from "../host.ts";
import { type MachineFacts, readMachineFacts } from "../oci/machine.ts";
import { chooseOciRuntime, findProgram, type OciRuntime } from "../oci/oci-runtime.ts";
import type {
  ImagePart,
  NetworkPart,
  RootfsPart,
  Sandbox,
  SandboxRequest,
  Users,
  VolumePart,
} from "../parts.ts";
import { AtOnce } from "./at-once.ts";
import { Cgroups } from "./cgroups.ts";
import { connectContainer, disconnectContainer } from "./connect.ts";
import { Container } from "./container.ts";
import { ContainerTable } from "./container-table.ts";
import { containersPort } from "./containers-port.ts";
import type { ContainersContext } from "./context.ts";
import { dropUnfinished } from "./drop-unfinished.ts";
import { endRuns } from "./end-runs.ts";
import { ExitWatch } from "./exit-watch.ts";
import { startMaintenance } from "./maintenance.ts";
import { RecordStore } from "./record-store.ts";
import { adopt, settleAll } from "./recover.ts";
import { type RunOnceRequest, runOnce } from "./run-once.ts";
import { superviseExit } from "./supervise.ts";
import { removeIdleParent } from "./tear-down.ts";

/** What the other parts need to know of containers before they open. */
export interface ContainersOnDisk {
  readonly table: ContainerTable;
  readonly store: RecordStore;
  readonly users: Users;
  /** Every id whose files are to be kept, damaged ones included. */
  readonly ids: ReadonlySet<string>;
  /** Creations that a crash cut short, and when they began. */
  readonly unfinished: readonly { readonly id: string; readonly sinceMs: number }[];
}

/** Reads the records; damaged ones are set aside, unfinished creations dropped. */
export async function loadContainers(layout: DiskLayout, log: Log): Promise<ContainersOnDisk> {
  const store = new RecordStore(layout);
  const table = new ContainerTable();
  const { records, unfinished, corrupt } = await store.load();
  // What is being removed may have given its name away already.
  const isLeaving = ({ state }: (typeof records)[number]) => state.status === "removing";
  for (const record of [...records.filter(isLeaving), ...records.filter((one) => !isLeaving(one))])
    table.add(new Container(record));
  for (const id of corrupt)
    log.error("A container's record cannot be read: its files are kept, it is not shown", {
      id,
      folder: layout.containerDir(id),
    });
  const ids = new Set([...records.map(({ id }) => id), ...corrupt]);
  return { table, store, users: table.users(), ids, unfinished };
}

export interface OpenContainersOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly log: Log;
  readonly events: EventBus;
  readonly onDisk: ContainersOnDisk;
  readonly images: ImagePart;
  readonly rootfs: RootfsPart;
  readonly networks: NetworkPart;
  readonly volumes: VolumePart;
}

/** The containers part: `recover` once before the first use. */
export interface ContainerPart {
  readonly port: Containers;
  readonly oci: OciRuntime;
  readonly machine: MachineFacts;
  readonly initPath: string | undefined;
  /** Finds what still runs, before the other parts recover. */
  adopt(): Promise<void>;
  /** The sandboxes of what runs, for the network part's recovery. */
  live(): ReadonlyMap<string, { readonly request: SandboxRequest; readonly sandbox: Sandbox }>;
  /** Settles what ended, brings back what has to run; from here on exits are seen. */
  settle(): Promise<void>;
  connect(network: string, container: string, endpoint?: EndpointSpec): Promise<void>;
  disconnect(network: string, container: string, options?: { readonly force?: boolean }): Promise<void>;
  runOnce(request: RunOnceRequest): Promise<number>;
  counts(): { readonly running: number; readonly paused: number; readonly stopped: number };
  /** Lets go; containers go on running, unless the machine is to go down. */
  close(options?: CloseOptions): Promise<void>;
}

export interface CloseOptions {
  /** Before the machine goes down: what runs is stopped, and comes back with the next engine if its policy wants it. */
  readonly endsContainers?: boolean;
}

const PROBES_AT_ONCE = 2;
const LAUNCHES_AT_ONCE = 8;

export async function openContainers(options: OpenContainersOptions): Promise<ContainerPart> {
  const { layout, log } = options;
  const closing = new AbortController();
  const ctx = await openContext(options, closing.signal);
  const exits = new ExitWatch(layout.exitsDir, (id) => {
    const container = ctx.table.peek(id);
    if (container !== undefined) ctx.noticeExit(container);
  });
  let stopMaintenance = () => {};
  return {
    port: containersPort(ctx),
    oci: ctx.oci,
    machine: ctx.machine,
    initPath: ctx.initPath,
    adopt: () => adopt(ctx),
    live: () =>
      new Map(
        ctx.table
          .all()
          .flatMap(({ id, run }) =>
            run === undefined ? [] : [[id, { request: run.request, sandbox: run.sandbox }] as const],
          ),
      ),
    settle: async () => {
      await dropUnfinished(ctx, options.onDisk.unfinished);
      await exits.open();
      await settleAll(ctx);
      removeIdleParent(ctx);
      stopMaintenance = startMaintenance(ctx);
    },
    connect: (network, container, endpoint) => connectContainer(ctx, network, container, endpoint),
    disconnect: (network, container, how) => disconnectContainer(ctx, network, container, how),
    runOnce: (request) => runOnce(ctx, request),
    counts: () => counts(ctx.table),
    close: async ({ endsContainers = false } = {}) => {
      closing.abort();
      exits.close();
      stopMaintenance();
      await letGo(ctx);
      if (endsContainers) await endRuns(ctx);
      removeIdleParent(ctx);
      await ctx.oci.close();
      log.debug("The containers go on without us", { running: counts(ctx.table).running });
    },
  };
}

async function openContext(
  { onDisk, ...options }: OpenContainersOptions,
  closing: AbortSignal,
): Promise<ContainersContext> {
  const { layout, log } = options;
  const folders = [layout.runDir, layout.exitsDir, layout.ociStateDir, dirname(layout.bundleDir("x"))];
  for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
  const monitorPath = await findProgram("conmon");
  if (monitorPath === undefined)
    throw new RuntimeError("unavailable", "Cannot find conmon, which keeps each container: install it");
  const [oci, initPath] = await Promise.all([chooseOciRuntime(layout, options.host, log), findInit()]);
  const ctx: ContainersContext = {
    ...options,
    oci,
    monitorPath,
    initPath,
    machine: readMachineFacts(),
    cgroups: new Cgroups(),
    table: onDisk.table,
    store: onDisk.store,
    execs: new Map(),
    probes: new AtOnce(PROBES_AT_ONCE),
    launches: new AtOnce(LAUNCHES_AT_ONCE),
    activity: { starting: 0 },
    closing,
    noticeExit: (container) => {
      if (closing.aborted) return;
      superviseExit(ctx, container).catch((error) =>
        log.error("Cannot settle a container's exit", { id: container.id, error }),
      );
    },
  };
  return ctx;
}

/** A static init that runs in any image. */
async function findInit(): Promise<string | undefined> {
  for (const name of ["docker-init", "tini-static", "tini"]) {
    const path = await findProgram(name);
    if (path !== undefined) return path;
  }
  return undefined;
}

function counts(table: ContainerTable) {
  const statuses = table.all().map(({ record }) => record.state.status);
  const running = statuses.filter((status) => status === "running" || status === "restarting").length;
  const paused = statuses.filter((status) => status === "paused").length;
  return { running, paused, stopped: statuses.length - running - paused };
}

/** Ends what is ours alone (timers, probes, connections), and lets operations under way come to their end. */
async function letGo(ctx: ContainersContext): Promise<void> {
  await Promise.all(
    ctx.table.all().map(async (container) => {
      container.cancelRestart?.();
      container.stopProbes?.();
      await container.lock.run(async () => {});
      container.stdin?.close();
    }),
  );
}
