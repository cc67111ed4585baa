import { RuntimeError } from "../../index.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { resizeLine, tellMonitor } from "./monitor-control.ts";
import { isAlive } from "./record.ts";

/** See `Containers.resize`. */
export async function resizeContainer(
  ctx: ContainersContext,
  nameOrId: string,
  { rows, columns }: { readonly rows: number; readonly columns: number },
): Promise<void> {
  const container = ctx.table.find(nameOrId);
  if (!isAlive(container.record.state))
    throw new RuntimeError("conflict", `Container ${container.id} is not running`);
  await tellMonitor(ctx, container.id, resizeLine(rows, columns));
  announce(ctx, container, "resize", { height: String(rows), width: String(columns) });
}
