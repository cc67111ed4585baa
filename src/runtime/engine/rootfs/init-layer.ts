import { randomBytes } from "node:crypto";
import { chmod, chown, lstat, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isMissing } from "../../../lib/atomic-file.ts";
import type { ResolvedImage } from "../parts.ts";

/** Top folders of the container that must be real ones, whatever the image says. */
export const MOUNT_ROOTS = ["dev", "proc", "sys", "etc"] as const;
const FOLDERS = ["dev/pts", "dev/shm"] as const;
const FILES = [".dockerenv", "dev/console", "etc/hosts", "etc/hostname", "etc/resolv.conf"] as const;
const LINKS = [["etc/mtab", "/proc/mounts"]] as const;

/**
 * The layer just under the writable one. What it holds hides whatever the image has of that name, so that an OCI
 * runtime finds real files and folders to mount on and is never led elsewhere by a link of the image (some
 * versions of runc follow `/dev` onto the machine itself). It is made in a folder of ours and looks at the image
 * only by `lstat`, so no link is followed here either. Same names as Docker's. One per image, read-only.
 */
export async function initLayer(image: ResolvedImage, fallbackDir: string): Promise<string> {
  const top = image.layerDirs[0];
  const place = top !== undefined && basename(top) === "diff" ? dirname(top) : fallbackDir;
  const dir = join(place, "init");
  if (await exists(dir)) return dir;
  const building = `${dir}.${randomBytes(6).toString("hex")}`;
  try {
    await build(building, image);
    await rename(building, dir);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    // Somebody else was faster: theirs is the same.
    if (!(await exists(dir))) throw error;
  }
  return dir;
}

async function build(dir: string, image: ResolvedImage): Promise<void> {
  await mkdir(dir, { mode: 0o755 });
  for (const name of MOUNT_ROOTS) {
    const path = join(dir, name);
    await mkdir(path, { mode: 0o755 });
    const seen = await imageFolder(image, name);
    if (seen === undefined) continue;
    await chown(path, seen.uid, seen.gid);
    await chmod(path, seen.mode & 0o7777);
  }
  for (const name of FOLDERS) await mkdir(join(dir, name), { mode: 0o755 });
  for (const name of FILES) await writeFile(join(dir, name), "", { flag: "wx", mode: 0o755 });
  for (const [name, target] of LINKS) await symlink(target, join(dir, name));
  const root = await imageFolder(image, ".");
  if (root === undefined) return;
  await chown(dir, root.uid, root.gid);
  await chmod(dir, root.mode & 0o7777);
}

/** How the image's topmost layer that has it sees a top folder; undefined when that is no folder. */
async function imageFolder(image: ResolvedImage, name: string) {
  for (const layerDir of image.layerDirs) {
    try {
      const stat = await lstat(join(layerDir, name));
      return stat.isDirectory() ? stat : undefined;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
