import { lstat } from "node:fs/promises";
import { lostImages } from "./collect-garbage.ts";
import { chainIdsOf, type Digest } from "./digest.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";
import { familiarText, parseReference } from "./reference.ts";

export interface StoreProblem {
  readonly kind: "damaged-blob" | "missing-blob" | "missing-layer" | "lost-image";
  readonly digest: Digest;
  /** Names (or ids) of the images that need it; of a lost image, what it is called. */
  readonly images: readonly string[];
}

/**
 * Reads every blob and compares it with its digest, and looks for what images need and is not there. Changes
 * nothing on disk: a layer that is only missing unpacked comes back with the next start, an image with a bad blob
 * by being pulled, loaded or built again, which takes no blob for there that was found damaged.
 */
export async function checkStore(context: ImageContext): Promise<readonly StoreProblem[]> {
  const problems: StoreProblem[] = lostImages(context).map((id) => ({
    kind: "lost-image",
    digest: id,
    images: context.images.referencesOf(id).map((name) => familiarText(parseReference(name))),
  }));
  const needs = neededBlobs(context);
  const present = new Set(await context.content.digests());
  for (const [digest, images] of needs) {
    if (!present.has(digest)) problems.push({ kind: "missing-blob", digest, images });
  }
  for (const digest of present) {
    // One that went meanwhile is no problem.
    if (!(await context.content.verify(digest)) && (await context.content.sizeOf(digest)) !== undefined)
      problems.push({ kind: "damaged-blob", digest, images: needs.get(digest) ?? [] });
  }
  for (const image of context.images.all()) {
    for (const chainId of chainIdsOf(image.layers.map((layer) => layer.diffId))) {
      const isThere = await lstat(context.layers.dirOf(chainId)).then(
        (stat) => stat.isDirectory(),
        () => false,
      );
      if (!isThere)
        problems.push({ kind: "missing-layer", digest: chainId, images: [nameOf(context, image)] });
    }
  }
  return problems;
}

function neededBlobs(context: ImageContext): ReadonlyMap<Digest, readonly string[]> {
  const needs = new Map(lostImages(context).map((id) => [id, [nameOf(context, { id })]]));
  for (const image of context.images.all()) {
    const digests = [image.id, image.manifest.digest, ...image.layers.map((layer) => layer.blob.digest)];
    for (const digest of new Set(digests))
      needs.set(digest, [...(needs.get(digest) ?? []), nameOf(context, image)]);
  }
  return needs;
}

function nameOf(context: ImageContext, image: Pick<StoredImage, "id">): string {
  const [name] = context.images.referencesOf(image.id);
  return name === undefined ? image.id : familiarText(parseReference(name));
}
