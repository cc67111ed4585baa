import { RuntimeError } from "../../index.ts";
import type { ContentStore, Descriptor } from "./content-store.ts";
import { chainIdsOf, type Digest, digestOf } from "./digest.ts";
import { type ImageConfig, parseImageConfig, printImageConfig } from "./image-config.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer, StoredImage } from "./image-store.ts";
import { DOCKER, isOciLayer, OCI, ociLayerType } from "./media-types.ts";

/**
 * Makes an image visible whose blobs and layers are stored already (and held by a lease of the caller). Its
 * references move to it in the same step. Making one that is there adds the references.
 */
export async function createImage(
  context: ImageContext,
  image: {
    readonly config: ImageConfig | { readonly bytes: Uint8Array };
    readonly layers: readonly ImageLayer[];
    /** As a registry or archive gave it; made here otherwise. */
    readonly manifest?: Descriptor;
    readonly parentId?: Digest;
    /** Canonical. */
    readonly references?: readonly string[];
  },
): Promise<StoredImage> {
  const { content, images } = context;
  const bytes = Buffer.from("bytes" in image.config ? image.config.bytes : printImageConfig(image.config));
  checkDiffIds(parseImageConfig(bytes.toString()), image.layers);
  return context.changing.run(async () => {
    const configBlob = await content.put(bytes, DOCKER.config);
    const manifest = image.manifest ?? (await putManifest(content, configBlob, image.layers));
    const present = images.get(configBlob.digest);
    // The blobs of one that has lost some give way to what has just been stored.
    const isWhole = present !== undefined && (await content.hasAll(storedBlobs(present)));
    const kept = isWhole ? present : undefined;
    const references = image.references ?? [];
    const stored =
      kept !== undefined && kept.isHeld !== true && references.length === 0
        ? kept
        : await images.put({
            id: configBlob.digest,
            ...parentOf(image.parentId ?? present?.parentId),
            manifest: kept?.manifest ?? manifest,
            layers: kept?.layers ?? image.layers,
            lastTaggedAt: new Date().toISOString(),
          });
    if (references.length > 0)
      await images.changeReferences(
        Object.fromEntries(references.map((reference) => [reference, stored.id])),
      );
    return stored;
  });
}

/** Those of stated size that it is made of. */
export function storedBlobs({
  manifest,
  layers,
}: Pick<StoredImage, "manifest" | "layers">): readonly Descriptor[] {
  return [manifest, ...layers.map((layer) => layer.blob)];
}

function parentOf(parentId: Digest | undefined): { readonly parentId?: Digest } {
  return parentId === undefined ? {} : { parentId };
}

function checkDiffIds(config: ImageConfig, layers: readonly ImageLayer[]): void {
  const stated = config.diffIds.join(" ");
  if (stated !== layers.map((layer) => layer.diffId).join(" "))
    throw new RuntimeError("invalid", "Cannot store image: its configuration names other layers than it has");
}

/**
 * A Docker schema 2 manifest, which every registry and client of the last ten years reads; an OCI one when a layer
 * has a type of OCI's, as those of an OCI base do: many refuse a manifest that mixes the two families.
 */
function putManifest(
  content: ContentStore,
  config: Descriptor,
  layers: readonly ImageLayer[],
): Promise<Descriptor> {
  const isOci = layers.some(({ blob }) => isOciLayer(blob.mediaType));
  const mediaType = isOci ? OCI.manifest : DOCKER.manifest;
  const document = {
    schemaVersion: 2,
    mediaType,
    config: { mediaType: isOci ? OCI.config : DOCKER.config, size: config.size, digest: config.digest },
    layers: layers.map(({ blob }) => ({
      mediaType: isOci ? ociLayerType(blob.mediaType) : blob.mediaType,
      size: blob.size,
      digest: blob.digest,
    })),
  };
  return content.put(JSON.stringify(document), mediaType);
}

export function topChainId(image: { readonly layers: readonly ImageLayer[] }): Digest | undefined {
  return chainIdsOf(image.layers.map((layer) => layer.diffId)).at(-1);
}

export function digestReference(repository: string, manifest: Uint8Array | Digest): string {
  return `${repository}@${typeof manifest === "string" ? manifest : digestOf(manifest)}`;
}
