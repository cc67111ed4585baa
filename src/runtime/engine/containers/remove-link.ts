import { RuntimeError } from "../../index.ts";
import { writeRun } from "./bundle.ts";
import { rewriteTexts } from "./connect.ts";
import type { ContainersContext } from "./context.ts";
import { withoutLink } from "./link-env.ts";
import { sandboxRequest } from "./sandbox-request.ts";

/** See `Containers.removeLink`. */
export async function removeLink(ctx: ContainersContext, linkName: string): Promise<void> {
  const [ownerName = "", alias] = linkName.replace(/^\//, "").split("/");
  // As dockerd does: who is meant comes first, then whether it is meant by a link.
  const other = ctx.table.find(linkName);
  if (alias === undefined)
    throw new RuntimeError("conflict", "Conflict, cannot remove the default link name of the container");
  const owner = ctx.table.find(ownerName);
  await ctx.table.change(owner, async () => {
    const { record, run } = owner;
    const links = (record.links ?? []).filter(
      (link) => link.containerId !== other.id || link.alias !== alias,
    );
    await ctx.store.save({ ...record, links });
    owner.record = { ...record, links };
    if (run === undefined) return;
    const request = await sandboxRequest(ctx.networks, owner);
    await ctx.networks.changeLinks(request);
    owner.run = { ...run, request, linkEnv: withoutLink(run.linkEnv ?? [], alias) };
    await writeRun(ctx, owner.id, owner.run);
    await rewriteTexts(ctx, owner);
  });
}
