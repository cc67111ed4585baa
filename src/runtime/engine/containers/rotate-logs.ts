import { rename, rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { type LogLimits, logLimits } from "./log-options.ts";
import { logPathOf } from "./log-path.ts";
import { REOPEN_LOG_LINE, tellMonitor } from "./monitor-control.ts";

const REOPEN_PATIENCE_MS = 2_000;

/**
 * Rotates the logs that have outgrown their limit. No line is lost: the file is renamed, conmon goes on writing
 * into it until it has opened a new one. Files are looked at here, from time to time, not watched.
 */
export async function rotateLogs(ctx: ContainersContext): Promise<void> {
  for (const container of ctx.table.all()) {
    if (container.run === undefined) continue;
    const limits = logLimits(container.record.spec.log);
    if (limits.maxBytes === undefined) continue;
    await rotateIfLarge(ctx, container, limits).catch((error) =>
      ctx.log.warn("Cannot rotate a log", { id: container.id, error }),
    );
  }
}

async function rotateIfLarge(ctx: ContainersContext, { id }: Container, limits: LogLimits): Promise<void> {
  const path = logPathOf(ctx.layout, id);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.size < (limits.maxBytes ?? Number.POSITIVE_INFINITY)) return;
  // One more than wanted while conmon still writes into the youngest.
  for (let number = limits.maxFiles - 1; number >= 1; number--)
    await rename(`${path}.${number}`, `${path}.${number + 1}`).catch(() => {});
  await rename(path, `${path}.1`);
  if (!(await tellMonitor(ctx, id, REOPEN_LOG_LINE))) return;
  if (await isThereSoon(path)) await rm(`${path}.${limits.maxFiles}`, { force: true });
}

async function isThereSoon(path: string): Promise<boolean> {
  const deadline = Date.now() + REOPEN_PATIENCE_MS;
  for (let waitMs = 1; Date.now() < deadline; waitMs = Math.min(waitMs * 2, 50)) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return true;
    await sleep(waitMs);
  }
  return false;
}
