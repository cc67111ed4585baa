import { join } from "node:path";
import { RuntimeError } from "../../index.ts";
import type { PreparedMount, SettledMount } from "../parts.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { ContainerRoot } from "./rooted-path.ts";

type Images = Pick<ContainersContext, "images" | "rootfs">;

/** Fixes the image behind each mount of one: its name may mean another one later, and it stays. `not-found` without it. */
export async function settleImageMounts(
  { images, rootfs }: Images,
  containerId: string,
  mounts: readonly SettledMount[],
): Promise<readonly SettledMount[]> {
  return Promise.all(
    mounts.map(async (mount) => {
      if (mount.type !== "image") return mount;
      const { id } = await images.resolve(mount.imageId ?? mount.name ?? "", containerId);
      return { ...mount, imageId: id, source: rootfs.imageMountPoint(containerId, mount.target) };
    }),
  );
}

/** Mounts the images of a container that is about to start, or whose files are read or written; what to bind where comes back. */
export async function prepareImageMounts(
  { images, rootfs }: Images,
  { record }: Container,
): Promise<readonly PreparedMount[]> {
  const prepared: PreparedMount[] = [];
  for (const { imageId, name, target, subpath } of imageMounts(record.mounts)) {
    const folder = await rootfs.mountImage(record.id, target, await images.resolve(imageId));
    const source = subpath === undefined ? folder : partOf(folder, subpath, name);
    prepared.push({ type: "bind", source, target, options: ["rbind", "rprivate", "ro"] });
  }
  return prepared;
}

export async function releaseImageMounts({ rootfs }: Images, { record }: Container): Promise<void> {
  for (const { target } of imageMounts(record.mounts)) await rootfs.unmountImage(record.id, target);
}

/** Mounts that are the volumes part's to prepare. */
export function withoutImages(mounts: readonly SettledMount[]): readonly SettledMount[] {
  return mounts.filter(({ type }) => type !== "image");
}

function imageMounts(mounts: readonly SettledMount[]): readonly (SettledMount & { imageId: string })[] {
  return mounts.flatMap((mount) =>
    mount.imageId === undefined ? [] : [{ ...mount, imageId: mount.imageId }],
  );
}

/** Links lead to inside the image; nobody changes it meanwhile, so that the path stays what it is. */
function partOf(folder: string, subpath: string, imageName = ""): string {
  using root = new ContainerRoot(folder);
  const place = root.locate(subpath);
  if (place.stat !== undefined) return join(folder, place.insidePath);
  throw new RuntimeError(
    "not-found",
    `cannot access path ${subpath} in image ${imageName}: no such file or directory`,
  );
}
