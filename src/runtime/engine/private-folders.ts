import { chmod, mkdir } from "node:fs/promises";
import type { DiskLayout } from "./disk-layout.ts";

/**
 * Nobody but root passes through the folders that hold containers' files: what root in a container marks setuid would make anybody of
 * the machine root (CVE-2021-41091), and what an image or a build has everybody read may be a secret of this machine. Those that are
 * there already, wherever the data root is, are closed too; the data root itself may be somebody's folder, and stays as it is.
 */
export async function closeFolders(layout: DiskLayout): Promise<void> {
  const { contentDir, layersDir, imagesDir, buildCacheDir, temporaryDir, volumesDir, networksDir } = layout;
  const { containersDir, rootfsDir, mountsDir, subpathsDir, exitsDir, ociStateDir } = layout;
  const state = [contentDir, layersDir, imagesDir, buildCacheDir, temporaryDir, volumesDir, networksDir];
  const folders = [...state, containersDir, rootfsDir, mountsDir, subpathsDir, exitsDir, ociStateDir];
  await Promise.all(
    folders.map(async (folder) => {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await chmod(folder, 0o700);
    }),
  );
}
