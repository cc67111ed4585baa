import { RuntimeError } from "../../index.ts";
import type { Container, Run } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { startTicks } from "./monitor.ts";
import { withState } from "./record.ts";
import { SIGKILL } from "./signals.ts";

/**
 * No policy brings this run back; stored at once where a policy could, so that a crash does not forget it. A full
 * disk keeps nobody from stopping a container.
 */
export async function markStopped(ctx: ContainersContext, container: Container): Promise<void> {
  container.isStopRequested = true;
  const { record } = container;
  if (record.state.wasStoppedManually) return;
  container.record = withState(record, { wasStoppedManually: true });
  if ((record.spec.restartPolicy?.name ?? "no") === "no") return;
  await ctx.store
    .save(container.record)
    .catch((error) => ctx.log.error("Cannot store that a container was stopped", { id: record.id, error }));
}

/**
 * The signal, and with it the way on for a paused process that has to hear it. False when the process is gone:
 * then its end is looked for.
 */
export async function sendSignal(
  ctx: ContainersContext,
  container: Container,
  signal: number,
): Promise<boolean> {
  // Who dies while entering leaves a child to the machine's init, and the container ends when that one reaps it.
  await Promise.all(container.entering);
  const { run } = container;
  announce(ctx, container, "kill", { signal: String(signal) });
  const isSent = run !== undefined && signalProcess(run, signal);
  const isPaused = container.record.state.status === "paused";
  if (isPaused && run !== undefined && (signal === SIGKILL || container.isStopRequested)) {
    ctx.cgroups.thaw(run.cgroupsPath);
    container.record = withState(container.record, { status: "running" });
    announce(ctx, container, "unpause");
  }
  if (!isSent) ctx.noticeExit(container);
  return isSent;
}

/** False when it is gone. */
export function signalProcess({ pid, pidStartTicks }: Run, signal: number): boolean {
  // The number may be another process's by now.
  if (startTicks(pid) !== pidStartTicks) return false;
  try {
    process.kill(pid, signal);
    return true;
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ESRCH") return false;
    throw new RuntimeError("internal", `Cannot send signal ${signal} to process ${pid}`, { cause });
  }
}
