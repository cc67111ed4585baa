import type { ContainersContext } from "./context.ts";
import { isMonitorAlive } from "./monitor.ts";
import { rotateLogs } from "./rotate-logs.ts";

const PERIOD_MS = 1000;

/** What has to be looked at from time to time: monitors of adopted containers, sizes of logs. */
export function startMaintenance(ctx: ContainersContext): () => void {
  let isBusy = false;
  const timer = setInterval(() => {
    for (const container of ctx.table.all()) {
      const { run, hasWatchedMonitor } = container;
      if (run !== undefined && !hasWatchedMonitor && !isMonitorAlive(run.monitorPid))
        ctx.noticeExit(container);
    }
    if (isBusy) return;
    isBusy = true;
    rotateLogs(ctx)
      .catch((error) => ctx.log.error("Cannot look after the logs", { error }))
      .finally(() => {
        isBusy = false;
      });
  }, PERIOD_MS);
  timer.unref();
  return () => clearInterval(timer);
}
