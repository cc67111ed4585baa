import { readdir } from "node:fs/promises";
import type { ContainersContext } from "./context.ts";
import type { LoadedRecords } from "./record-store.ts";

/**
 * Takes back what creations had made that a crash cut short. Their folders go last: until then the next start
 * knows of them.
 */
export async function dropUnfinished(
  ctx: ContainersContext,
  unfinished: LoadedRecords["unfinished"],
): Promise<void> {
  if (unfinished.length === 0) return;
  await dropOrphanVolumes(ctx, Math.min(...unfinished.map(({ sinceMs }) => sinceMs)));
  for (const { id } of unfinished) await ctx.store.delete(id);
}

/**
 * Anonymous volumes for containers that never came into being: used by nobody, no older than the first of those,
 * and empty, as nothing ever started with them. Any other may hold data.
 */
async function dropOrphanVolumes(ctx: ContainersContext, sinceMs: number): Promise<void> {
  const { ofVolume } = ctx.table.users();
  for (const { name, isAnonymous, createdAt, mountpoint } of await ctx.volumes.port.list()) {
    // Stored times may lack the fraction of the second.
    const isOlder = createdAt.getTime() + 1000 < sinceMs;
    if (!isAnonymous || isOlder || ofVolume(name).length > 0) continue;
    const isEmpty = (await readdir(mountpoint).catch(() => ["unknown"])).length === 0;
    if (isEmpty) await ctx.volumes.port.remove(name).catch(() => {});
  }
}
