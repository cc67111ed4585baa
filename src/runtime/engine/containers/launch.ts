import { mkdir } from "node:fs/promises";
import { hasKind } from "../../index.ts";
import type { Sandbox, SandboxRequest } from "../parts.ts";
import { cgroupsPathOf, writeBundle, writeRun } from "./bundle.ts";
import type { Container, Run } from "./container.ts";
import { announce, announceNetworks, announceVolumes } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { prepareImageMounts, withoutImages } from "./image-mounts.ts";
import { setIoWeights } from "./io-weights.ts";
import { linkEnv } from "./link-env.ts";
import { logPathOf } from "./log-path.ts";
import { bootId, type MonitoredProcess, startMonitor, startTicks } from "./monitor.ts";
import { donorOf, runOf } from "./namespaces.ts";
import { startProbing } from "./probe.ts";
import { withState } from "./record.ts";
import { sandboxRequest } from "./sandbox-request.ts";
import { killMonitors } from "./strays.ts";
import { forgetExit, tearDown } from "./tear-down.ts";

/**
 * Brings a container that does not run to run. Holds the container's lock. On failure everything made on the
 * way is taken back and the error goes on; the record is the caller's to change then.
 */
export async function launch(ctx: ContainersContext, container: Container): Promise<void> {
  ctx.activity.starting++;
  try {
    await ctx.launches.run(() => bringUp(ctx, container));
  } catch (error) {
    // What did not come in time is still at it.
    if (hasKind(error, "timeout")) killMonitors(ctx, container.id);
    await tearDown(ctx, container);
    container.run = undefined;
    throw error;
  } finally {
    ctx.activity.starting--;
  }
  container.announceStart();
  announce(ctx, container, "start");
  startProbing(ctx, container);
}

async function bringUp(ctx: ContainersContext, container: Container): Promise<void> {
  const { id } = container;
  const { spec, imageId, mounts } = container.record;
  ctx.cgroups.expectMove();
  const links = linkEnv(ctx.table, container);
  const donor = donorOf(spec.networkMode);
  if (donor !== undefined) runOf(ctx, donor, "network"); // says so when it does not run
  const request = await sandboxRequest(ctx.networks, container);
  const image = await ctx.images.resolve(imageId);
  await Promise.all([mkdir(ctx.layout.bundleDir(id), { recursive: true, mode: 0o700 }), forgetExit(ctx, id)]);
  const [{ sandbox, open }, prepared] = await both(
    beginSandbox(ctx, request),
    ctx.rootfs.mount(id, image).then(async (rootfsDir) => ({
      rootfsDir,
      mounts: [
        ...(await ctx.volumes.prepare(withoutImages(mounts), rootfsDir, id)),
        ...(await prepareImageMounts(ctx, container)),
      ],
    })),
  );
  const nested = await writeBundle(ctx, container, { image, sandbox, linkEnv: links, ...prepared });
  const [, monitored] = await both(
    open,
    startMonitor(monitorRequest(ctx, container)).finally(() => nested.detach()),
  );
  container.run = await beginRun(ctx, container, { request, sandbox, linkEnv: links, monitored });
  const { startedAt, cgroupsPath } = container.run;
  await setIoWeights(ctx, cgroupsPath, spec.resources);
  const begun = { status: "running", startedAt, exitCode: 0, error: "", oomKilled: false } as const;
  const record = withState(container.record, begun);
  // A crash between the two finds it waiting at the gate, and takes the start for one that never was.
  await both(ctx.oci.start(id, monitored.pid), ctx.store.save(record));
  container.record = record;
  announceVolumes(ctx, container, "mount");
  announceNetworks(ctx, container, "connect");
  container.hasWatchedMonitor = true;
  void monitored.gone.then(() => {
    // A killed monitor's pipe closes a moment before the monitor counts as dead: it is looked at again then.
    container.hasWatchedMonitor = false;
    ctx.noticeExit(container);
  });
}

interface Opening {
  readonly sandbox: Sandbox;
  /** Until then no process may run in it; rejects when the rest of it cannot be made. */
  readonly open: Promise<unknown>;
}

/** The container is made in the namespace while the network part still makes its interfaces and rules. */
function beginSandbox({ networks }: ContainersContext, request: SandboxRequest): Promise<Opening> {
  return new Promise((resolve, reject) => {
    const open = networks.openSandbox(request, (sandbox) => resolve({ sandbox, open }));
    open.then((sandbox) => resolve({ sandbox, open }), reject);
  });
}

/** Both results; when one fails, the failure once the other has come to its end too. */
async function both<A, B>(a: A | Promise<A>, b: B | Promise<B>): Promise<[A, B]> {
  const settled = await Promise.allSettled([a, b]);
  const failed = settled.find((result) => result.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return Promise.all([a, b]);
}

async function beginRun(
  ctx: ContainersContext,
  container: Container,
  {
    monitored,
    ...network
  }: Pick<Run, "request" | "sandbox" | "linkEnv"> & { readonly monitored: MonitoredProcess },
): Promise<Run> {
  const run: Run = {
    pid: monitored.pid,
    pidStartTicks: startTicks(monitored.pid) ?? "",
    monitorPid: monitored.monitorPid,
    bootId: bootId(),
    startedAt: Date.now(),
    cgroupsPath: cgroupsPathOf(ctx, container),
    ...network,
  };
  await writeRun(ctx, container.id, run);
  return run;
}

function monitorRequest(ctx: ContainersContext, { record, effective }: Container) {
  const { spec, id, name } = record;
  return {
    id,
    name,
    bundleDir: ctx.layout.bundleDir(id),
    exitsDir: ctx.layout.exitsDir,
    logPath: logPathOf(ctx.layout, id),
    isTty: spec.tty === true,
    hasStdin: spec.openStdin === true,
    // With a terminal the end of a client's input is a character, never a hang-up.
    keepsStdinOpen: spec.stdinOnce !== true || spec.tty === true,
    monitorPath: ctx.monitorPath,
    oci: ctx.oci,
    program: effective.path,
  };
}
