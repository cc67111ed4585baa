import { RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { recordFailedStart } from "./failed-start.ts";
import { launch } from "./launch.ts";
import { removeNow } from "./remove.ts";

/** Resolves to false when it was running already; see `Containers.start`. */
export async function startContainer(ctx: ContainersContext, nameOrId: string): Promise<boolean> {
  const container = ctx.table.find(nameOrId);
  try {
    return await ctx.table.change(container, () => startLocked(ctx, container));
  } catch (error) {
    const { record } = container;
    const isLeft = record.spec.autoRemove === true && ["created", "exited"].includes(record.state.status);
    if (isLeft) await removeNow(ctx, container, { removeVolumes: true }).catch(() => {});
    throw error;
  }
}

/** With the lock held. */
export async function startLocked(ctx: ContainersContext, container: Container): Promise<boolean> {
  switch (container.record.state.status) {
    case "running":
    case "restarting":
      return false;
    case "paused":
      throw new RuntimeError("conflict", "cannot start a paused container, try unpause instead");
    case "removing":
    case "dead":
      throw new RuntimeError("conflict", "container is marked for removal and cannot be started");
    case "created":
    case "exited":
      await startAnew(ctx, container);
      return true;
  }
}

/** A start by somebody forgets what the restart policy had counted. */
async function startAnew(ctx: ContainersContext, container: Container): Promise<void> {
  const { record } = container;
  container.isStopRequested = false;
  container.lastDelayMs = undefined;
  container.record = {
    ...record,
    state: { ...record.state, restartCount: 0, wasStoppedManually: false },
  };
  try {
    await launch(ctx, container);
  } catch (error) {
    await recordFailedStart(ctx, container, error);
    throw error;
  }
}
