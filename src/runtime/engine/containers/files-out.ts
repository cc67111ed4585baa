import { closeSync, constants, openSync, readdirSync } from "node:fs";
import type { Readable } from "node:stream";
import { runTar } from "./archive.ts";
import { announce } from "./container-events.ts";
import { holdRootFolder } from "./container-root.ts";
import type { ContainersContext } from "./context.ts";

/** See `Containers.export`. */
export async function exportContainer(ctx: ContainersContext, nameOrId: string): Promise<Readable> {
  const container = ctx.table.find(nameOrId);
  const { folder, release } = await holdRootFolder(ctx, container);
  const descriptor = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    // Docker's archive has no entry for the root itself, and no `./` before names.
    const names = readdirSync(folder);
    const archive = runTar(descriptor, ["--one-file-system", "--", ...(names.length === 0 ? ["."] : names)]);
    archive.once("close", () => void release().catch(() => {}));
    announce(ctx, container, "export");
    return archive;
  } finally {
    closeSync(descriptor);
  }
}

/** See `Containers.changes`. */
export async function changesOf(ctx: ContainersContext, nameOrId: string) {
  const { record } = ctx.table.find(nameOrId);
  return ctx.rootfs.changes(record.id, await ctx.images.resolve(record.imageId));
}
