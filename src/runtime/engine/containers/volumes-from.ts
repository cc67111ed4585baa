import { type MountPoint, RuntimeError } from "../../index.ts";
import type { ContainersContext } from "./context.ts";

/** The mounts that `container[:ro|rw]` entries bring along, in their order. */
export function inheritedMounts(
  ctx: ContainersContext,
  volumesFrom: readonly string[],
): readonly MountPoint[] {
  return volumesFrom.flatMap((entry) => {
    const cut = entry.lastIndexOf(":");
    const [name, mode] = cut < 0 ? [entry, "rw"] : [entry.slice(0, cut), entry.slice(cut + 1)];
    if (!/^(ro|rw|z|Z)(,(ro|rw|z|Z))*$/.test(mode))
      throw new RuntimeError("invalid", `invalid mode for volumes-from: ${mode}`);
    const isReadOnly = mode.split(",").includes("ro");
    return ctx.table
      .find(name)
      .record.mounts.map((mount) => (isReadOnly ? { ...mount, isReadWrite: false, mode: "ro" } : mount));
  });
}
