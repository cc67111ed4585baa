import { type MountPoint, RuntimeError } from "../../index.ts";
import type { ContainersContext } from "./context.ts";

/** The mounts that `container[:ro|rw]` entries bring along, in their order; a tmpfs is nobody else's. */
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
    const other = ctx.table.peek(name);
    // For `not-found`, clients would fetch the image.
    if (other === undefined) throw new RuntimeError("invalid", `No such container: ${name}`);
    return other.record.mounts
      .filter(({ type }) => type !== "tmpfs")
      .map((mount) => (isReadOnly ? { ...mount, isReadWrite: false, mode: "ro" } : mount));
  });
}
