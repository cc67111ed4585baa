import { RuntimeError } from "../../index.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { pauseProbing, resumeProbing } from "./probe.ts";
import { withState } from "./record.ts";

/** Freezes every process; `conflict` when it does not run or is frozen already. */
export async function pauseContainer(ctx: ContainersContext, nameOrId: string): Promise<void> {
  const container = ctx.table.find(nameOrId);
  await ctx.table.change(container, async () => {
    const { run, record } = container;
    const { status } = record.state;
    if (status === "paused") throw new RuntimeError("conflict", `Container ${record.id} is already paused`);
    if (status === "restarting")
      throw new RuntimeError(
        "conflict",
        `Container ${record.id} is restarting, wait until the container is running`,
      );
    if (status !== "running" || run === undefined)
      throw new RuntimeError("conflict", `Container ${record.id} is not running`);
    await ctx.cgroups.freeze(run.cgroupsPath);
    container.record = withState(record, { status: "paused" });
    await ctx.store.save(container.record);
    pauseProbing(container);
    announce(ctx, container, "pause");
  });
}

export async function unpauseContainer(ctx: ContainersContext, nameOrId: string): Promise<void> {
  const container = ctx.table.find(nameOrId);
  await ctx.table.change(container, async () => {
    const { run, record } = container;
    if (record.state.status !== "paused" || run === undefined)
      throw new RuntimeError("conflict", `Container ${record.id} is not paused`);
    ctx.cgroups.thaw(run.cgroupsPath);
    container.record = withState(record, { status: "running" });
    await ctx.store.save(container.record);
    resumeProbing(ctx, container);
    announce(ctx, container, "unpause");
  });
}
