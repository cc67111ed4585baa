import { access, rm } from "node:fs/promises";
import { join } from "node:path";
import { readFileIfThere } from "../../../lib/atomic-file.ts";
import { cgroupParentOf, parseRun, runPath } from "./bundle.ts";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { bootId, isMonitorAlive, startTicks } from "./monitor.ts";
import { donorOf, shmDir } from "./namespaces.ts";
import { startProbing } from "./probe.ts";
import { isAlive, withState } from "./record.ts";
import { removeNow } from "./remove.ts";
import { startsAtBoot } from "./restart-policy.ts";
import { idsWithLeftovers, killMonitors, removeStrayExits } from "./strays.ts";
import { policyOf, readExit, restartNow, superviseExit } from "./supervise.ts";
import { forgetExit, tearDown } from "./tear-down.ts";

/**
 * First half, before the other parts recover: finds out what of each container still runs and takes it over;
 * everything else that is left at run time is killed. Nothing is decided yet.
 */
export async function adopt(ctx: ContainersContext): Promise<void> {
  const leftovers = await idsWithLeftovers(ctx);
  for (const container of ctx.table.all()) await adoptOne(ctx, container, leftovers.has(container.id));
  for (const id of leftovers) if (ctx.table.peek(id)?.run === undefined) await killLeftover(ctx, id);
  ctx.cgroups.remove(`${cgroupParentOf(ctx.layout.instance)}/probe`);
}

async function adoptOne(ctx: ContainersContext, container: Container, hasLeftovers: boolean): Promise<void> {
  const { record } = container;
  const run = hasLeftovers ? parseRun((await readFileIfThere(runPath(ctx, record.id))) ?? "") : undefined;
  const hasStarted = run !== undefined && run.bootId === bootId() && !(await isWaitingAtGate(ctx, record.id));
  if (run !== undefined && hasStarted && (await goesOnOrEnded(ctx, record.id, run))) {
    container.run = run;
    const status = isAlive(record.state) ? record.state.status : "running";
    container.record = withState(record, { status, startedAt: run.startedAt });
  } else if (isAlive(record.state))
    container.record = { ...record, state: { ...record.state, status: "running" } };
}

/** Made, but never let go: its start was cut short. */
async function isWaitingAtGate({ oci }: ContainersContext, id: string): Promise<boolean> {
  return access(join(oci.stateDir, id, "exec.fifo")).then(
    () => true,
    () => false,
  );
}

/** It runs under its monitor, or its monitor has noted or will note its end. */
async function goesOnOrEnded(ctx: ContainersContext, id: string, run: Run): Promise<boolean> {
  if (isMonitorAlive(run.monitorPid)) return true;
  return (await readExit(ctx, id)) !== undefined || startTicks(run.pid) === run.pidStartTicks;
}

async function killLeftover(ctx: ContainersContext, id: string): Promise<void> {
  killMonitors(ctx, id);
  const cgroupsPath = `${cgroupParentOf(ctx.layout.instance)}/${id}`;
  try {
    await ctx.cgroups.killAll(cgroupsPath);
    await ctx.oci.delete(id);
    ctx.cgroups.remove(cgroupsPath);
    await ctx.host.unmount(shmDir(ctx, id), { lazy: true });
    await ctx.rootfs.unmount(id);
    await rm(ctx.layout.bundleDir(id), { recursive: true, force: true });
  } catch (error) {
    ctx.log.error("Cannot take back what an unfinished start left", { id, error });
  }
}

/**
 * Second half, once the other parts know who lives: settles what ended meanwhile, completes removals, and
 * brings back what its policy wants back. The last happens in the background.
 */
export async function settleAll(ctx: ContainersContext): Promise<void> {
  for (const container of ctx.table.all()) {
    const { record } = container;
    if (container.run !== undefined) takeUp(ctx, container);
    else if (isAlive(record.state)) await settleLost(ctx, container);
    else if (record.state.status === "removing") await finishRemoval(ctx, container);
    else await tearDown(ctx, container);
  }
  await Promise.all(
    ctx.table
      .all()
      .filter(({ run }) => run !== undefined)
      .map((container) => superviseExit(ctx, container)),
  );
  await removeStrayExits(ctx);
  void startWanted(ctx).catch((error) => ctx.log.error("Cannot bring containers back", { error }));
}

/** It goes on under us as if nothing had happened. */
function takeUp(ctx: ContainersContext, container: Container): void {
  const { run, record } = container;
  if (run === undefined) return;
  const isFrozen = ctx.cgroups.isFrozen(run.cgroupsPath);
  const isPaused = isFrozen && record.state.status === "paused";
  // Frozen for a commit that its daemon did not survive, or for a pause that nobody was told of.
  if (isFrozen && !isPaused) ctx.cgroups.thaw(run.cgroupsPath);
  container.record = withState(record, { status: isPaused ? "paused" : "running" });
  container.isStopRequested = record.state.wasStoppedManually;
  const health = run.health === undefined ? {} : { status: run.health };
  if (!isPaused) startProbing(ctx, container, { status: "starting", failingStreak: 0, log: [], ...health });
}

/** It ran, and nothing is left of it that tells how it ended. */
async function settleLost(ctx: ContainersContext, container: Container): Promise<void> {
  const noted = await readExit(ctx, container.id);
  await tearDown(ctx, container);
  container.record = withState(container.record, {
    status: "exited",
    exitCode: noted?.exitCode ?? 255,
    finishedAt: noted?.finishedAt ?? Date.now(),
  });
  await ctx.store.save(container.record);
  await forgetExit(ctx, container.id);
}

async function finishRemoval(ctx: ContainersContext, container: Container): Promise<void> {
  const { record } = container;
  container.record = { ...record, state: { ...record.state, status: "dead" } };
  // Only a removal with its volumes was noted beforehand.
  await removeNow(ctx, container, { removeVolumes: true }).catch((error) =>
    ctx.log.error("Cannot complete a removal", { id: record.id, error }),
  );
}

async function startWanted(ctx: ContainersContext): Promise<void> {
  const wanted: Container[] = [];
  for (const container of ctx.table.all()) {
    const { state, spec } = container.record;
    const isOver = state.status === "exited" || state.status === "restarting";
    if (!isOver || container.run !== undefined || container.cancelRestart !== undefined) continue;
    if (
      startsAtBoot({ ...state, policy: policyOf(container), hasBeenStarted: state.startedAt !== undefined })
    ) {
      // Visible at once as one that is about to run.
      container.record = withState(container.record, { status: "restarting", restartCount: 0 });
      wanted.push(container);
    } else if (state.status === "restarting") {
      container.record = withState(container.record, { status: "exited" });
      await ctx.store.save(container.record);
    } else if (spec.autoRemove === true)
      await removeNow(ctx, container, { removeVolumes: true }).catch(() => {});
  }
  await startInOrder(ctx, wanted);
}

/** Who lends a namespace starts before who borrows it. */
async function startInOrder(ctx: ContainersContext, wanted: readonly Container[]): Promise<void> {
  const starts = new Map<Container, Promise<void>>();
  const start = (container: Container, above: readonly Container[]): Promise<void> => {
    const known = starts.get(container);
    if (known !== undefined || above.includes(container)) return known ?? Promise.resolve();
    const begun = Promise.all(
      donorsOf(ctx, container)
        .filter((donor) => wanted.includes(donor))
        .map((donor) => start(donor, [...above, container])),
    ).then(() => restartNow(ctx, container));
    starts.set(container, begun);
    return begun;
  };
  await Promise.allSettled(wanted.map((container) => start(container, [])));
}

function donorsOf(ctx: ContainersContext, { record: { spec } }: Container): readonly Container[] {
  return [spec.networkMode, spec.pidMode, spec.ipcMode].flatMap((mode) => {
    const donor = donorOf(mode);
    const found = donor === undefined ? undefined : ctx.table.peek(donor);
    return found === undefined ? [] : [found];
  });
}
