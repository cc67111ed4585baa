import { realpathSync } from "node:fs";
import { RuntimeError } from "../../index.ts";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { prepareImageMounts, releaseImageMounts, withoutImages } from "./image-mounts.ts";
import { ContainerRoot } from "./rooted-path.ts";

/**
 * The container's files, with its volumes, whether it runs or not: `close` lets go of them. A running one is
 * entered through its first process, so that what it has mounted is seen; else root and volumes are mounted meanwhile,
 * as a start mounts them.
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
    const folder = await mountRoot(ctx, container);
    let leaveVolumes = async (): Promise<void> => {};
    try {
      const { mounts, leave } = await ctx.volumes.visit(withoutImages(record.mounts), folder);
      leaveVolumes = leave;
      const binds = [
        ...mounts.filter(({ type }) => type === "bind"),
        ...(await prepareImageMounts(ctx, container)),
      ];
      const root = new ContainerRoot(
        folder,
        // A start follows the links of the machine to what it binds.
        binds.map(({ target, source, options }) => ({
          target,
          source: realpathSync(source),
          isReadOnly: options.includes("ro"),
        })),
      );
      return {
        root,
        close: async () => {
          root.close();
          await leave().finally(() => container.lock.run(() => leaveRoot(ctx, container)));
        },
      };
    } catch (error) {
      await leaveVolumes().finally(() => leaveRoot(ctx, container));
      throw error;
    }
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
    const folder = await mountRoot(ctx, container);
    return { folder, release: () => container.lock.run(() => leaveRoot(ctx, container)) };
  });
}

/** With the lock held, as `leaveRoot`, which has to follow. */
async function mountRoot(ctx: ContainersContext, container: Container): Promise<string> {
  const { id, record } = container;
  const folder = await ctx.rootfs.mount(id, await ctx.images.resolve(record.imageId));
  container.rootUsers++;
  return folder;
}

async function leaveRoot(ctx: ContainersContext, container: Container): Promise<void> {
  container.rootUsers--;
  if (container.rootUsers > 0 || container.run !== undefined) return;
  await releaseImageMounts(ctx, container);
  if (ctx.table.peek(container.id) !== container) return;
  await ctx.rootfs.unmount(container.id);
}
