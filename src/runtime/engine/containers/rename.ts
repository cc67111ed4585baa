import { RuntimeError } from "../../index.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { checkedName } from "./names.ts";

/** See `Containers.rename`. */
export async function renameContainer(ctx: ContainersContext, nameOrId: string, name: string): Promise<void> {
  const container = ctx.table.find(nameOrId);
  if (name === "" || name === "/")
    throw new RuntimeError("invalid", "Neither old nor new names may be empty");
  const newName = checkedName(name);
  await ctx.table.change(container, async () => {
    const { record } = container;
    const oldName = record.name;
    if (newName === oldName)
      throw new RuntimeError("invalid", "Renaming a container with the same name as its current name");
    ctx.table.reserveName(newName, record.id);
    try {
      if (container.run !== undefined) await ctx.networks.rename(record.id, newName);
      await ctx.store.save({ ...record, name: newName });
    } catch (error) {
      ctx.table.releaseName(newName, record.id);
      if (container.run !== undefined) await ctx.networks.rename(record.id, oldName).catch(() => {});
      throw error;
    }
    container.record = { ...record, name: newName };
    ctx.table.releaseName(oldName, record.id);
    announce(ctx, container, "rename", { oldName: `/${oldName}` });
  });
}
