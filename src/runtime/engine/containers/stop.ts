import { setTimeout as sleep } from "node:timers/promises";
import { MAX_TIMER_MS } from "../../../lib/clock.ts";
import { RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { isAlive, isRunning, withState } from "./record.ts";
import { markStopped, sendSignal } from "./send-signal.ts";
import { SIGKILL, SIGTERM, signalNumber } from "./signals.ts";

/** Docker's times: the default grace; how long SIGKILL may take; how long a vanished process's exit may take. */
export const DEFAULT_GRACE_SECONDS = 10;
const KILL_PATIENCE_MS = 10_000;
const LAST_PATIENCE_MS = 2_000;

export interface StopOptions {
  readonly timeoutSeconds?: number;
  readonly signal?: string;
}

/** Resolves to false when it did not run; see `Containers.stop`. */
export async function stopContainer(
  ctx: ContainersContext,
  nameOrId: string,
  options: StopOptions = {},
): Promise<boolean> {
  const container = ctx.table.find(nameOrId);
  if (!isRunning(container.record.state)) {
    await container.lock.run(async () => {});
    if (!isRunning(container.record.state)) return false;
  }
  // Before the restart policy is disarmed: a signal that is none changes nothing.
  if (options.signal !== undefined) signalNumber(options.signal);
  const { wasAlive, isStopped } = await beginStop(ctx, container);
  if (wasAlive) await bringDown(ctx, container, options);
  if (wasAlive || isStopped) announce(ctx, container, "stop");
  return wasAlive || isStopped;
}

/** Disarms the restart policy; one that waits between two runs is stopped thereby. */
async function beginStop(ctx: ContainersContext, container: Container) {
  return ctx.table.change(container, async () => {
    if (container.record.state.status === "restarting") {
      container.cancelRestart?.();
      container.record = withState(container.record, { status: "exited", wasStoppedManually: true });
      await ctx.store.save(container.record);
      announceLastExit(container);
      return { wasAlive: false, isStopped: true };
    }
    const wasAlive = isAlive(container.record.state);
    if (wasAlive) await markStopped(ctx, container);
    return { wasAlive, isStopped: false };
  });
}

/** Who waits for a container between two runs waits for its next end: this is it. */
export function announceLastExit(container: Container): void {
  const { exitCode, finishedAt } = container.record.state;
  container.announceExit({ exitCode, finishedAt: finishedAt ?? Date.now() });
}

/**
 * Stop signal, grace, SIGKILL; resolves when the exit is settled. Takes the lock only to look: the exit itself
 * needs it.
 */
export async function bringDown(
  ctx: ContainersContext,
  container: Container,
  { timeoutSeconds, signal }: StopOptions,
): Promise<void> {
  const ended = exitOf(container);
  const first = signalNumber(signal ?? container.effective.stopSignal ?? String(SIGTERM));
  const seconds = timeoutSeconds ?? container.record.spec.stopTimeoutSeconds ?? DEFAULT_GRACE_SECONDS;
  const isSent = await sendSignal(ctx, container, first);
  const graceMs = isSent ? seconds * 1000 : LAST_PATIENCE_MS;
  if (await endsWithin(ended, graceMs)) return;
  await killForGood(ctx, container, ended);
}

export async function killForGood(
  ctx: ContainersContext,
  container: Container,
  ended: Promise<void> = exitOf(container),
): Promise<void> {
  await sendSignal(ctx, container, SIGKILL);
  await seeItEnd(ctx, container, ended);
}

/** After a SIGKILL: waits, kills every process of the group, then gives up. */
export async function seeItEnd(
  ctx: ContainersContext,
  container: Container,
  ended: Promise<void> = exitOf(container),
): Promise<void> {
  if (await endsWithin(ended, KILL_PATIENCE_MS)) return;
  if (container.run !== undefined) await ctx.cgroups.killAll(container.run.cgroupsPath);
  ctx.noticeExit(container);
  if (await endsWithin(ended, LAST_PATIENCE_MS)) return;
  throw new RuntimeError("internal", "tried to kill container, but did not receive an exit event");
}

export function exitOf(container: Container): Promise<void> {
  if (!isAlive(container.record.state)) return Promise.resolve();
  return new Promise((resolve) => {
    container.onExit(() => resolve());
  });
}

async function endsWithin(ended: Promise<void>, ms: number): Promise<boolean> {
  if (ms < 0) {
    await ended;
    return true;
  }
  const patience = new AbortController();
  const isOver = await Promise.race([
    ended.then(() => true),
    sleep(Math.min(ms, MAX_TIMER_MS), false, { signal: patience.signal }).catch(() => false),
  ]);
  patience.abort();
  return isOver;
}
