import { compact } from "../../../lib/compact.ts";
import { RuntimeError } from "../../index.ts";
import type { ResolvedImage } from "../parts.ts";
import { decompressedFile } from "./compression.ts";
import { chainIdsOf, type Digest } from "./digest.ts";
import { findImage } from "./find-image.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer, StoredImage } from "./image-store.ts";

/** What a container needs of an image; its layers are unpacked afterwards, whatever was before. */
export async function resolveImage(
  context: ImageContext,
  reference: string,
  containerId?: string,
): Promise<ResolvedImage> {
  const find = () => context.images.get(reference) ?? findImage(context.images, reference);
  const image = containerId === undefined ? find() : await reserved(context, find, containerId);
  const lease = context.leases.open();
  try {
    const chainIds = chainIdsOf(image.layers.map((layer) => layer.diffId));
    lease.hold(...chainIds, ...image.layers.map((layer) => layer.blob.digest));
    for (const [index, layer] of image.layers.entries())
      await ensureLayer(context, layer, chainIds[index - 1], chainIds[index] ?? layer.diffId);
    return compact<ResolvedImage>({
      id: image.id,
      config: image.config.defaults,
      os: image.config.os,
      architecture: image.config.architecture,
      variant: image.config.variant,
      layerDirs: chainIds.map((chainId) => context.layers.dirOf(chainId)).reverse(),
    });
  } finally {
    lease.release();
  }
}

/** Under the lock, so that what is found is not about to go. */
async function reserved(
  context: ImageContext,
  find: () => StoredImage,
  containerId: string,
): Promise<StoredImage> {
  return context.changing.run(async () => {
    const image = find();
    context.users.add(image.id, containerId);
    return image;
  });
}

/** Unpacks a layer from its blob again if it is not there. */
export async function ensureLayer(
  context: ImageContext,
  layer: ImageLayer,
  parentChainId: Digest | undefined,
  chainId: Digest,
): Promise<void> {
  if (context.layers.get(chainId) !== undefined) return;
  await context.fetching.run(chainId, async () => {
    if (context.layers.get(chainId) !== undefined) return;
    context.log.info("A layer is unpacked again", { layer: chainId });
    try {
      const staged = await unpackBlob(context, layer);
      await context.layers.place(staged, parentChainId);
    } catch (cause) {
      throw new RuntimeError("internal", `Cannot restore layer ${chainId}`, { cause });
    }
  });
}

/** No honest layer is packed this tightly, and what unpacks to so little does no harm. */
const MAX_RATIO = 1000;
const FREE_BYTES = 2 ** 30;

/** From the stored blob, checked against the layer's digest. */
export async function unpackBlob(
  context: ImageContext,
  layer: Pick<ImageLayer, "diffId"> & { readonly blob: { readonly digest: Digest } },
  signal?: AbortSignal,
) {
  const tar = await decompressedFile(context.content.pathOf(layer.blob.digest), signal);
  const size = (await context.content.sizeOf(layer.blob.digest)) ?? 0;
  const maxBytes = Math.max(FREE_BYTES, size * MAX_RATIO);
  return context.layers.stage(tar, { expected: layer.diffId, maxBytes, signal });
}
