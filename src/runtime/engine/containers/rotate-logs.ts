import { rename, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { COMPRESSED, compressLog } from "./log-compression.ts";
import { logFiles } from "./log-files.ts";
import { type LogLimits, logLimits } from "./log-options.ts";
import { logPathOf } from "./log-path.ts";
import { isMonitorAlive } from "./monitor.ts";
import { REOPEN_LOG_LINE, tellMonitor } from "./monitor-control.ts";

const REOPEN_PATIENCE_MS = 2_000;

type RotationContext = Pick<ContainersContext, "layout" | "log" | "table">;

/**
 * Rotates the logs that have outgrown their limit. No line is lost: the file is renamed, conmon goes on writing
 * into it until it has opened a new one; when it ends without, the log gets its name back. Files are looked at
 * here, from time to time, not watched.
 */
export async function rotateLogs(ctx: RotationContext): Promise<void> {
  for (const container of ctx.table.all()) {
    const { run } = container;
    if (run === undefined) continue;
    const limits = logLimits(container.record.spec.log);
    if (limits.maxBytes === undefined) continue;
    await rotateIfLarge(ctx, container, { run, limits }).catch((error) =>
      ctx.log.warn("Cannot rotate a log", { id: container.id, error }),
    );
  }
}

async function rotateIfLarge(
  ctx: RotationContext,
  container: Container,
  { run, limits }: { readonly run: Run; readonly limits: LogLimits },
): Promise<void> {
  const { id } = container;
  const path = logPathOf(ctx.layout, id);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.size < (limits.maxBytes ?? Number.POSITIVE_INFINITY)) return;
  // One more than wanted while conmon still writes into the youngest.
  for (let number = limits.maxFiles - 1; number >= 1; number--) await renumber(path, number, number + 1);
  await rename(path, `${path}.1`);
  const isTold = await tellMonitor(ctx, id, REOPEN_LOG_LINE);
  if (isTold && (await isThereSoon(path, run))) {
    for (const ending of ["", COMPRESSED]) await rm(`${path}.${limits.maxFiles}${ending}`, { force: true });
    if (limits.isCompressed) await compressRotated(path);
  }
  // The lock: the next run's monitor may not begin a log meanwhile.
  else if (!isMonitorAlive(run.monitorPid)) await container.lock.run(() => takeBack(path, limits));
}

async function isThereSoon(path: string, { monitorPid }: Run): Promise<boolean> {
  const deadline = Date.now() + REOPEN_PATIENCE_MS;
  for (let waitMs = 1; Date.now() < deadline; waitMs = Math.min(waitMs * 2, 50)) {
    const wasAlive = isMonitorAlive(monitorPid);
    if (await isThere(path)) return true;
    if (!wasAlive) return false;
    await sleep(waitMs);
  }
  return false;
}

async function takeBack(path: string, { maxFiles }: LogLimits): Promise<void> {
  // Begun anew, or removed with its container.
  if ((await isThere(path)) || !(await isThere(`${path}.1`))) return;
  await rename(`${path}.1`, path);
  for (let number = 2; number <= maxFiles; number++) await renumber(path, number, number - 1);
}

async function renumber(path: string, from: number, to: number): Promise<void> {
  for (const ending of ["", COMPRESSED])
    await rename(`${path}.${from}${ending}`, `${path}.${to}${ending}`).catch(() => {});
}

/** Those that a crash left as they were, too. */
async function compressRotated(path: string): Promise<void> {
  for (const name of await logFiles(path))
    if (name !== path && !name.endsWith(COMPRESSED)) await compressLog(name);
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
