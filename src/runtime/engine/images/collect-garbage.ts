import { chainIdsOf, type Digest } from "./digest.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";

/** Deletes the blobs and layers of an image that is gone and that no other image and no unfinished work needs. */
export async function collectGarbage(
  context: ImageContext,
  image: StoredImage,
): Promise<{ readonly layers: readonly Digest[] }> {
  const isFree = freeIn(context);
  const layers: Digest[] = [];
  for (const chainId of [...layersOf(image)].reverse())
    if (await context.layers.removeIf(chainId, () => isFree(chainId))) layers.push(chainId);
  for (const digest of blobsOf(image)) if (isFree(digest)) await context.content.remove(digest);
  return { layers };
}

/** Deletes what work that has ended held while whatever needed it went away. */
export async function collectReleased(context: ImageContext, digests: readonly Digest[]): Promise<void> {
  if (!digests.some(freeIn(context))) return;
  await context.changing.run(async () => {
    const isFree = freeIn(context);
    for (const digest of [...digests].reverse()) {
      await context.layers.removeIf(digest, () => isFree(digest));
      if (isFree(digest)) await context.content.remove(digest);
    }
  });
}

/** Deletes images that were deleted by force while containers needed them, after the last of these went. */
export async function collectHeld(context: ImageContext): Promise<void> {
  if (!context.images.all().some(isLeft(context))) return;
  await context.changing.run(async () => {
    for (const image of context.images.all().filter(isLeft(context))) {
      await context.images.delete(image.id);
      await collectGarbage(context, image);
    }
  });
}

function isLeft({ users }: ImageContext): (image: StoredImage) => boolean {
  return ({ id, isHeld }) => isHeld === true && users.ofImage(id).length === 0;
}

/** Deletes whatever no image and no work needs: what a crash or a failed download left behind. */
export async function collectAllGarbage(context: ImageContext): Promise<void> {
  const images = lostImages(context);
  if (images.length > 0)
    context.log.warn(
      "Images cannot be read: nothing is deleted that they may need, see `stowage system check`",
      { images },
    );
  for (const { id } of context.images.all().filter(isLeft(context))) await context.images.delete(id);
  const isFree = freeIn(context);
  for (const { chainId } of context.layers.all())
    await context.layers.removeIf(chainId, () => isFree(chainId));
  for (const digest of await context.content.digests())
    if (isFree(digest)) await context.content.remove(digest);
  for (const digest of await context.content.partialDigests())
    if (!context.leases.has(digest))
      await context.fetching.run(digest, () => context.content.removePartial(digest));
}

/** Images of which nobody knows what they are made of: there and not readable, or used and not there. */
export function lostImages({ images, users }: ImageContext): readonly Digest[] {
  const missing = users.images().filter((id) => images.get(id) === undefined);
  return [...new Set([...images.unreadable(), ...missing])];
}

/** Tells at any time later, too, since work may begin to hold things while others are deleted. */
function freeIn(context: ImageContext): (digest: Digest) => boolean {
  // A layer may be under a container that runs: rather too many are kept.
  if (lostImages(context).length > 0) return () => false;
  const needed = neededBy(context);
  return (digest) => !needed.has(digest) && !context.leases.has(digest);
}

function neededBy({ images, otherNeeds }: ImageContext): ReadonlySet<Digest> {
  const needed = new Set(images.all().flatMap((image) => [...blobsOf(image), ...layersOf(image)]));
  for (const needs of otherNeeds) for (const digest of needs()) needed.add(digest);
  return needed;
}

function blobsOf(image: StoredImage): readonly Digest[] {
  return [image.id, image.manifest.digest, ...image.layers.map((layer) => layer.blob.digest)];
}

function layersOf(image: StoredImage): readonly Digest[] {
  return chainIdsOf(image.layers.map((layer) => layer.diffId));
}
