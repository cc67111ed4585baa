import { type Filters, hasKind } from "../../index.ts";
import { checkFilterKeys } from "../filters.ts";
import type { ContainersContext } from "./context.ts";
import { compileFilters, sizesOf } from "./list.ts";
import { removeNow } from "./remove.ts";

const KEYS: ReadonlySet<string> = new Set(["until", "label", "label!"]);

/** See `Containers.prune`: everything that does not run. */
export async function pruneContainers(
  ctx: ContainersContext,
  filters: Filters = {},
): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }> {
  checkFilterKeys(filters, KEYS);
  const isWanted = await compileFilters(ctx, filters);
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const container of ctx.table.all()) {
    if (!["created", "exited", "dead"].includes(container.record.state.status) || !isWanted(container))
      continue;
    const bytes = await sizesOf(ctx, container).then(
      ({ writableBytes }) => writableBytes,
      () => 0,
    );
    try {
      await removeNow(ctx, container, { removeVolumes: false });
    } catch (error) {
      // Somebody started or removed it meanwhile.
      if (!hasKind(error, "conflict", "not-found"))
        ctx.log.warn("Cannot prune a container", { id: container.id, error });
      continue;
    }
    removed.push(container.id);
    reclaimedBytes += bytes;
  }
  ctx.events.publish({
    type: "container",
    action: "prune",
    id: "",
    attributes: { reclaimed: String(reclaimedBytes) },
  });
  return { removed, reclaimedBytes };
}
