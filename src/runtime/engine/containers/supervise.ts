import { access, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { RestartPolicy } from "../../index.ts";
import type { Container, ExitStatus } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { recordFailedStart } from "./failed-start.ts";
import { launch } from "./launch.ts";
import { bootId, isMonitorAlive, startTicks } from "./monitor.ts";
import { stopProbing } from "./probe.ts";
import { type ContainerRecord, isAlive, withState } from "./record.ts";
import { removeNow } from "./remove.ts";
import { decideRestart, type RestartDecision } from "./restart-policy.ts";
import { announceLastExit } from "./stop.ts";
import { forgetExit, tearDown } from "./tear-down.ts";

/** Docker's code for an end that nobody saw. */
const UNKNOWN_EXIT = 255;

/**
 * Looks whether the container's run has ended, and settles it: resources taken back, record written, events,
 * restart or automatic removal. Called as often as somebody suspects an exit; does nothing when there was none.
 */
export async function superviseExit(ctx: ContainersContext, container: Container): Promise<void> {
  const status = await container.lock.run(async () => {
    const { run } = container;
    if (run === undefined || !isAlive(container.record.state)) return undefined;
    const end = await findEnd(ctx, container);
    return end === undefined ? undefined : settle(ctx, container, end);
  });
  if (status === undefined) return;
  container.announceExit(status);
  await afterExit(ctx, container);
}

/** What the run ended with; undefined while it goes on. A run whose monitor died is ended and unknown. */
async function findEnd(ctx: ContainersContext, container: Container): Promise<ExitStatus | undefined> {
  const noted = await readExit(ctx, container.id);
  if (noted !== undefined) return noted;
  const { run } = container;
  if (run === undefined || (run.bootId === bootId() && isMonitorAlive(run.monitorPid))) return undefined;
  // The monitor may have written it between our two looks.
  const last = await readExit(ctx, container.id);
  if (last !== undefined) return last;
  const wasRunning = startTicks(run.pid) === run.pidStartTicks;
  ctx.log.warn("The monitor of a container died, its exit code is unknown", { id: container.id, wasRunning });
  return { exitCode: UNKNOWN_EXIT, finishedAt: Date.now() };
}

export async function readExit(
  { layout }: Pick<ContainersContext, "layout">,
  id: string,
): Promise<ExitStatus | undefined> {
  const path = join(layout.exitsDir, id);
  try {
    const text = (await readFile(path, "utf8")).trim();
    const { mtimeMs } = await stat(path);
    return /^\d+$/.test(text) ? { exitCode: Number(text), finishedAt: Math.floor(mtimeMs) } : undefined;
  } catch {
    return undefined;
  }
}

async function settle(ctx: ContainersContext, container: Container, end: ExitStatus): Promise<ExitStatus> {
  const { run } = container;
  const startedAt = run?.startedAt ?? end.finishedAt;
  const finishedAt = Math.max(end.finishedAt, startedAt);
  const oomKilled = await wasOutOfMemory(ctx, container);
  stopProbing(container);
  container.stdin?.close();
  container.stdin = undefined;
  await tearDown(ctx, container);
  const decision = decide(ctx, container, { exitCode: end.exitCode, ranForMs: finishedAt - startedAt });
  const { state } = container.record;
  const ended = {
    status: decision.restart ? "restarting" : "exited",
    exitCode: end.exitCode,
    finishedAt,
    oomKilled,
    restartCount: state.restartCount + (decision.restart ? 1 : 0),
    wasStoppedManually: state.wasStoppedManually || container.isStopRequested,
  } as const;
  // Stored before anybody sees it: what was told has to be true for the next daemon too.
  await saveQuietly(ctx, withState(container.record, ended));
  container.run = undefined;
  container.hasWatchedMonitor = false;
  container.record = withState(container.record, ended);
  await forgetExit(ctx, container.id);
  if (oomKilled) announce(ctx, container, "oom");
  const execDuration = String(Math.floor((finishedAt - startedAt) / 1000));
  announce(ctx, container, "die", { exitCode: String(end.exitCode), execDuration });
  if (decision.restart) scheduleRestart(ctx, container, decision.delayMs);
  return { ...end, finishedAt };
}

function decide(
  ctx: ContainersContext,
  container: Container,
  run: { readonly exitCode: number; readonly ranForMs: number },
): RestartDecision {
  // A daemon that is letting go leaves the decision to the next one.
  if (ctx.closing.aborted || container.isRestartRequested) return { restart: false };
  return decideRestart({
    policy: policyOf(container),
    restartCount: container.record.state.restartCount,
    wasStopped: container.isStopRequested,
    lastDelayMs: container.lastDelayMs,
    ...run,
  });
}

export function policyOf({ record }: Container): RestartPolicy {
  return record.spec.restartPolicy ?? { name: "no" };
}

/** Killed for want of memory: the monitor saw it, or the group counted it. Read before the group goes. */
async function wasOutOfMemory(ctx: ContainersContext, { id, run }: Container): Promise<boolean> {
  if (run !== undefined && ctx.cgroups.oomKills(run.cgroupsPath) > 0) return true;
  return access(join(ctx.layout.bundleDir(id), "oom")).then(
    () => true,
    () => false,
  );
}

/** A full disk must not keep a container from ending: the truth then lives in memory and in the next record. */
async function saveQuietly(ctx: ContainersContext, record: ContainerRecord): Promise<void> {
  await ctx.store
    .save(record)
    .catch((error) => ctx.log.error("Cannot store a container's exit", { id: record.id, error }));
}

export function scheduleRestart(ctx: ContainersContext, container: Container, delayMs: number): void {
  container.lastDelayMs = delayMs;
  const timer = setTimeout(() => {
    container.cancelRestart = undefined;
    restartNow(ctx, container).catch((error) =>
      ctx.log.error("Cannot restart a container", { id: container.id, error }),
    );
  }, delayMs);
  container.cancelRestart = () => {
    clearTimeout(timer);
    container.cancelRestart = undefined;
  };
}

export async function restartNow(ctx: ContainersContext, container: Container): Promise<void> {
  const hasFailed = await container.lock.run(async () => {
    if (container.record.state.status !== "restarting" || ctx.closing.aborted) return false;
    try {
      await launch(ctx, container);
      return false;
    } catch (error) {
      ctx.log.warn("Cannot restart a container", { id: container.id, name: container.record.name, error });
      await recordFailedStart(ctx, container, error);
      return true;
    }
  });
  if (!hasFailed) return;
  announceLastExit(container);
  await afterExit(ctx, container);
}

/** Automatic removal, once the container has come to rest. */
async function afterExit(ctx: ContainersContext, container: Container): Promise<void> {
  const { record } = container;
  if (record.spec.autoRemove !== true || record.state.status !== "exited") return;
  if (container.isRestartRequested || ctx.closing.aborted) return;
  await removeNow(ctx, container, { removeVolumes: true }).catch((error) =>
    ctx.log.error("Cannot remove a container that ended", { id: record.id, error }),
  );
}
