import { rm } from "node:fs/promises";
import { join } from "node:path";
import { cgroupParentOf, cgroupsPathOf } from "./bundle.ts";
import type { Container } from "./container.ts";
import { announceNetworks, announceVolumes } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { releaseImageMounts, withoutImages } from "./image-mounts.ts";
import { shmDir } from "./namespaces.ts";

/**
 * Takes everything back that a start gave: processes, the OCI runtime's state, cgroups, addresses and ports,
 * mounts, the bundle. Every step succeeds when there is nothing left to do, so it may be repeated; a step that
 * fails is logged and does not keep the others from being done.
 */
export async function tearDown(ctx: ContainersContext, container: Container): Promise<void> {
  const { id, record } = container;
  const attempt = async (what: string, action: () => Promise<unknown>) => {
    await action().catch((error) =>
      ctx.log.error("Cannot take back what a container had", { what, id, error }),
    );
  };
  const cgroupsPath = container.run?.cgroupsPath ?? cgroupsPathOf(ctx, container);
  await attempt("processes", () => ctx.cgroups.killAll(cgroupsPath));
  await attempt("OCI runtime state", () => ctx.oci.delete(id));
  ctx.cgroups.remove(cgroupsPath);
  await Promise.all([
    attempt("network", () => ctx.networks.closeSandbox(id)),
    attempt("volumes", () => ctx.volumes.release(withoutImages(record.mounts), id)),
    ...(container.rootUsers > 0
      ? []
      : [
          attempt("image mounts", () => releaseImageMounts(ctx, container)),
          attempt("root file system", () => ctx.rootfs.unmount(id)),
        ]),
    ...(record.spec.ipcMode === "shareable"
      ? [attempt("shared memory", () => ctx.host.unmount(shmDir(ctx, id), { lazy: true }))]
      : []),
  ]);
  await attempt("bundle", () => rm(ctx.layout.bundleDir(id), { recursive: true, force: true }));
  removeIdleParent(ctx);
  if (container.run === undefined) return;
  announceNetworks(ctx, container, "disconnect");
  announceVolumes(ctx, container, "unmount");
}

/**
 * The last one out removes our parent cgroup; nobody may be on the way in. Also after a recovery and at the end: who
 * was killed could not do it.
 */
export function removeIdleParent({ cgroups, activity, table, layout }: ContainersContext): void {
  if (activity.starting > 0) return;
  const parent = cgroupParentOf(layout.instance);
  if (table.all().filter(({ run }) => run !== undefined).length > 1) return;
  if (cgroups.children(parent).length === 0) cgroups.remove(parent);
}

/** After the record tells the exit, the monitor's note of it may go. */
export async function forgetExit({ layout }: Pick<ContainersContext, "layout">, id: string): Promise<void> {
  await rm(join(layout.exitsDir, id), { force: true });
}
