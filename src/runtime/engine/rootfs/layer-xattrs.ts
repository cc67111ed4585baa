import { refused } from "./layer-names.ts";
import type { TarEntry } from "./tar/index.ts";

const CAPABILITY = "security.capability";

/**
 * File capabilities and `user.*` are part of an image. `trusted.*` and `user.overlay.*` would steer the overlay
 * (hide or alias other layers' files), labels of security modules belong to the machine.
 */
export function allowedXattrs(entry: TarEntry): ReadonlyMap<string, Buffer> {
  if (entry.xattrs.size === 0) return entry.xattrs;
  const kept = [...entry.xattrs].filter(
    ([name]) => name === CAPABILITY || (name.startsWith("user.") && !name.startsWith("user.overlay.")),
  );
  for (const [name, value] of kept) {
    if (name === CAPABILITY && !isCapability(value))
      throw refused(entry.name, "its file capabilities are malformed");
  }
  // Only files and folders can carry `user.*`.
  const hasUser = entry.type === "file" || entry.type === "directory";
  return new Map(kept.filter(([name]) => hasUser || name === CAPABILITY));
}

/** struct vfs_cap_data of linux/capability.h: revision 1, 2 or 3, each with its length. */
function isCapability(value: Buffer): boolean {
  if (value.length < 4) return false;
  const revision = value.readUInt32LE(0) >>> 24;
  return (
    (revision === 1 && value.length === 12) ||
    (revision === 2 && value.length === 20) ||
    (revision === 3 && value.length === 24)
  );
}
