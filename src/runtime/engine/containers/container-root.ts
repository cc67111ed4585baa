import { existsSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../../index.ts";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { ContainerRoot, type MountedAt } from "./rooted-path.ts";

/**
 * The container's files, with its volumes, whether it runs or not: `close` lets go of them. A running one is
 * entered through its first process, so that what it has mounted is seen; else the root is mounted meanwhile.
 */
export async function openRoot(
  ctx: ContainersContext,
  container: Container,
): Promise<{ readonly root: ContainerRoot; close(): Promise<void> }> {
  return ctx.table.change(container, async () => {
    const { run, record } = container;
    if (run !== undefined) {
      const root = rootOfRunning(run);
      return { root, close: async () => root.close() };
    }
    const image = await ctx.images.resolve(record.imageId);
    const folder = await ctx.rootfs.mount(record.id, image);
    container.rootUsers++;
    const root = new ContainerRoot(folder, mountsOf(container));
    return {
      root,
      close: async () => {
        root.close();
        await releaseRoot(ctx, container);
      },
    };
  });
}

/** `conflict` when its process has just ended. */
export function rootOfRunning({ pid, request }: Run): ContainerRoot {
  try {
    return new ContainerRoot(`/proc/${pid}/root`);
  } catch (cause) {
    throw new RuntimeError("conflict", `container ${request.containerId} is not running`, { cause });
  }
}

/** The merged folder itself, without volumes: for export. */
export async function holdRootFolder(
  ctx: ContainersContext,
  container: Container,
): Promise<{ readonly folder: string; release(): Promise<void> }> {
  return ctx.table.change(container, async () => {
    const { record } = container;
    const folder = await ctx.rootfs.mount(record.id, await ctx.images.resolve(record.imageId));
    container.rootUsers++;
    return { folder, release: () => releaseRoot(ctx, container) };
  });
}

async function releaseRoot(ctx: ContainersContext, container: Container): Promise<void> {
  await container.lock.run(async () => {
    container.rootUsers--;
    if (container.rootUsers > 0 || container.run !== undefined) return;
    if (ctx.table.peek(container.id) !== container) return;
    await ctx.rootfs.unmount(container.id);
  });
}

function mountsOf({ record }: Container): readonly MountedAt[] {
  return record.mounts
    .filter(({ type }) => type === "bind" || type === "volume")
    .map(({ target, source, subpath }) => ({
      target: join("/", target),
      source: subpath === undefined ? source : join(source, subpath),
    }))
    .filter(({ source }) => existsSync(source));
}
