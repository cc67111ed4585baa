import { setTimeout as sleep } from "node:timers/promises";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { isMonitorAlive, startTicks } from "./monitor.ts";
import { signalProcess } from "./send-signal.ts";
import { SIGTERM, signalNumber } from "./signals.ts";
import { DEFAULT_GRACE_SECONDS } from "./stop.ts";
import { superviseExit } from "./supervise.ts";

/** How often to look; how long conmon may take to tell of an exit. */
const LOOK_MS = 50;
const EXIT_PATIENCE_MS = 2_000;

/**
 * Ends what runs before the machine goes down: each container's stop signal, its grace, SIGKILL, all at once. Nobody has
 * stopped them: the next engine brings back those whose policy wants it.
 */
export async function endRuns(ctx: ContainersContext): Promise<void> {
  const ending = ctx.table.all().map(async (container) => {
    if (container.run !== undefined) await endRun(ctx, container, container.run);
  });
  for (const result of await Promise.allSettled(ending))
    if (result.status === "rejected") ctx.log.warn("Cannot end a container", { error: result.reason });
}

async function endRun(ctx: ContainersContext, container: Container, run: Run): Promise<void> {
  const { effective, record } = container;
  const seconds = record.spec.stopTimeoutSeconds ?? DEFAULT_GRACE_SECONDS;
  signalProcess(run, signalNumber(effective.stopSignal ?? String(SIGTERM)));
  // Who is paused hears it, too.
  ctx.cgroups.thaw(run.cgroupsPath);
  const isAlive = () => startTicks(run.pid) === run.pidStartTicks;
  await whileSo(isAlive, seconds < 0 ? Number.POSITIVE_INFINITY : seconds * 1000);
  if (isAlive()) await ctx.cgroups.killAll(run.cgroupsPath);
  await whileSo(() => isMonitorAlive(run.monitorPid), EXIT_PATIENCE_MS);
  await superviseExit(ctx, container);
}

async function whileSo(isSo: () => boolean, ms: number): Promise<void> {
  const deadline = Date.now() + ms;
  while (isSo() && Date.now() < deadline) await sleep(LOOK_MS);
}
