import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { ContainersContext } from "./context.ts";
import { monitorFile } from "./monitor-files.ts";

/** One line for conmon's control fifo. False when no conmon listens. */
export async function tellMonitor(
  ctx: Pick<ContainersContext, "layout">,
  id: string,
  line: string,
): Promise<boolean> {
  try {
    const fifo = await open(monitorFile(ctx, id, "ctl"), constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      await fifo.write(`${line}\n`);
    } finally {
      await fifo.close();
    }
    return true;
  } catch {
    return false;
  }
}

export const resizeLine = (rows: number, columns: number) => `1 ${rows} ${columns}`;
export const REOPEN_LOG_LINE = "2 0 0";
