import { chainIdsOf, type Digest } from "./digest.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";

/** Deletes the blobs and layers of an image that is gone and that no other image and no unfinished work needs. */
export async function collectGarbage(
  context: ImageContext,
  image: StoredImage,
): Promise<{ readonly layers: readonly Digest[] }> {
  const needed = neededBy(context);
  const isFree = (digest: Digest) => !needed.has(digest) && !context.leases.has(digest);
  const layers = layersOf(image).filter(isFree).reverse();
  for (const chainId of layers) await context.layers.remove(chainId);
  for (const digest of blobsOf(image).filter(isFree)) await context.content.remove(digest);
  return { layers };
}

/** Deletes whatever no image needs: what a crash left behind. */
export async function collectAllGarbage(context: ImageContext): Promise<void> {
  const needed = neededBy(context);
  const isFree = (digest: Digest) => !needed.has(digest) && !context.leases.has(digest);
  for (const { chainId } of context.layers.all()) if (isFree(chainId)) await context.layers.remove(chainId);
  for (const digest of await context.content.digests())
    if (isFree(digest)) await context.content.remove(digest);
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
