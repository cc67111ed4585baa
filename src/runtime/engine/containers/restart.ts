import { RuntimeError } from "../../index.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { isAlive } from "./record.ts";
import { startContainer } from "./start.ts";
import { type StopOptions, stopContainer } from "./stop.ts";

/** Stop (if it runs) and start; see `Containers.restart`. */
export async function restartContainer(
  ctx: ContainersContext,
  nameOrId: string,
  options: StopOptions = {},
): Promise<void> {
  const container = ctx.table.find(nameOrId);
  container.isRestartRequested = true;
  try {
    const { status } = container.record.state;
    if (isAlive(container.record.state) || status === "restarting")
      await stopContainer(ctx, container.id, options);
    await startContainer(ctx, container.id);
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const exitCode = error.exitCode === undefined ? {} : { exitCode: error.exitCode };
    throw new RuntimeError(error.kind, `Cannot restart container ${nameOrId}`, { cause: error, ...exitCode });
  } finally {
    container.isRestartRequested = false;
  }
  announce(ctx, container, "restart");
}
