import type { Readable } from "node:stream";
import { type ImageProgress, type Images, RuntimeError } from "../../index.ts";
import { collectReleased } from "./collect-garbage.ts";
import { compressionOf, decompressed, MAGIC_BYTES, peek } from "./compression.ts";
import type { Descriptor } from "./content-store.ts";
import { createImage } from "./create-image.ts";
import { chainIdOf, type Digest } from "./digest.ts";
import { ImageArchive } from "./image-archive.ts";
import { parseImageConfig } from "./image-config.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer, StoredImage } from "./image-store.ts";
import { ingestLayer } from "./ingest-layer.ts";
import { JsonShape } from "./json-shape.ts";
import type { Lease } from "./leases.ts";
import { MAX_CONFIG_BYTES, MAX_MANIFEST_BYTES, parseManifest, pickPlatform } from "./manifest.ts";
import { DOCKER, OCI } from "./media-types.ts";
import { canonicalText, DEFAULT_TAG, familiarText, parseReference, withDefaultTag } from "./reference.ts";
import { unpackBlob } from "./resolve-image.ts";

type LoadOptions = NonNullable<Parameters<Images["load"]>[1]>;
type Loaded = Awaited<ReturnType<Images["load"]>>;

/** What an archive says of one image, whichever of its formats said it. */
interface ArchivedImage {
  readonly config: Digest;
  readonly layers: readonly Digest[];
  /** Canonical. */
  readonly references: readonly string[];
  /** Absent for Docker's own format. */
  readonly manifest?: Descriptor;
}

/** `docker save` archives old and new, and OCI layouts, plain or compressed. All of it or nothing becomes visible. */
export async function loadImages(
  context: ImageContext,
  archive: Readable,
  options: LoadOptions = {},
): Promise<Loaded> {
  const lease = context.leases.open();
  try {
    const tar = await decompressed(archive, options.signal);
    const files = await ImageArchive.read(tar, context.content, lease);
    const found = (await dockerImages(files)) ?? (await ociImages(files));
    if (found === undefined)
      throw new RuntimeError(
        "invalid",
        "Cannot load images: this is neither a Docker nor an OCI image archive",
      );
    // Everything that can be wrong is found before the first image becomes visible.
    const prepared: NewImage[] = [];
    for (const image of found) prepared.push(await prepareImage(context, image, { ...options, lease }));
    const loaded: StoredImage[] = [];
    for (const image of prepared) loaded.push(await createImage(context, image));
    return {
      references: found.flatMap((image) =>
        image.references.map((name) => familiarText(parseReference(name))),
      ),
      ids: [...new Set(loaded.map((image) => image.id))],
    };
  } finally {
    archive.destroy();
    // Also what the archive holds and no image is made of.
    await collectReleased(context, lease.release());
  }
}

async function dockerImages(files: ImageArchive): Promise<readonly ArchivedImage[] | undefined> {
  const text = await files.text("manifest.json", MAX_MANIFEST_BYTES);
  if (text === undefined) return undefined;
  const shape = JsonShape.parse(`{"images":${text}}`, "manifest.json");
  return shape.objects("images").map((image) => ({
    config: blobOf(files, image.requiredText("Config")),
    layers: (image.texts("Layers") ?? []).map((name) => blobOf(files, name)),
    references: (image.texts("RepoTags") ?? []).map((name) =>
      canonicalText(withDefaultTag(parseReference(name))),
    ),
  }));
}

function blobOf(files: ImageArchive, name: string): Digest {
  const found = files.find(name);
  if (found === undefined)
    throw new RuntimeError(
      "invalid",
      `Cannot load images: ${JSON.stringify(name)} is missing from the archive`,
    );
  return found.digest;
}

async function ociImages(files: ImageArchive): Promise<readonly ArchivedImage[] | undefined> {
  const text = await files.text("index.json", MAX_MANIFEST_BYTES);
  if (text === undefined) return undefined;
  const index = parseManifest(text, OCI.index);
  if (index.kind !== "index") return undefined;
  const images: ArchivedImage[] = [];
  for (const entry of index.manifests)
    images.push(await ociImage(files, entry, referencesOf(entry.annotations), 0));
  return images;
}

async function ociImage(
  files: ImageArchive,
  entry: Descriptor,
  references: readonly string[],
  depth: number,
): Promise<ArchivedImage> {
  const path = blobPath(entry.digest);
  const document = parseManifest(
    (await files.text(path, MAX_MANIFEST_BYTES)) ?? missing(path),
    entry.mediaType,
  );
  if (files.find(path)?.digest !== entry.digest)
    throw new RuntimeError("invalid", `Cannot load images: ${path} does not have the digest of its name`);
  if (document.kind === "index") {
    if (depth > 0) throw new RuntimeError("invalid", "Cannot load images: the index is nested too deep");
    const here = document.manifests.filter((manifest) => files.find(blobPath(manifest.digest)) !== undefined);
    return ociImage(files, pickPlatform(here, undefined, "the archive"), references, depth + 1);
  }
  const named = [document.config, ...document.layers];
  for (const { digest } of named) {
    if (blobOf(files, blobPath(digest)) !== digest)
      throw new RuntimeError(
        "invalid",
        `Cannot load images: ${blobPath(digest)} does not have the digest of its name`,
      );
  }
  return {
    config: document.config.digest,
    layers: document.layers.map((layer) => layer.digest),
    references,
    manifest: { mediaType: document.mediaType, digest: entry.digest, size: entry.size },
  };
}

function missing(path: string): never {
  throw new RuntimeError("invalid", `Cannot load images: ${path} is missing from the archive`);
}

function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** containerd writes the full name beside the OCI's tag or name. */
function referencesOf(annotations: Readonly<Record<string, string>>): readonly string[] {
  const name = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"];
  if (name === undefined || name === DEFAULT_TAG) return [];
  try {
    return [canonicalText(withDefaultTag(parseReference(name)))];
  } catch {
    return [];
  }
}

type NewImage = Parameters<typeof createImage>[1];

async function prepareImage(
  context: ImageContext,
  image: ArchivedImage,
  options: LoadOptions & { readonly lease: Lease },
): Promise<NewImage> {
  const size = await context.content.sizeOf(image.config);
  if ((size ?? 0) > MAX_CONFIG_BYTES)
    throw new RuntimeError("invalid", "Cannot load images: a configuration is too long");
  const bytes = await context.content.read(image.config);
  const { diffIds } = parseImageConfig(bytes.toString());
  if (diffIds.length !== image.layers.length)
    throw new RuntimeError(
      "invalid",
      `invalid manifest, layers length mismatch: expected ${image.layers.length}, got ${diffIds.length}`,
    );
  const layers: ImageLayer[] = [];
  let chainId: Digest | undefined;
  for (const [index, diffId] of diffIds.entries()) {
    const blob = image.layers[index] ?? diffId;
    layers.push(await loadLayer(context, { diffId, blob, parentChainId: chainId }, options));
    chainId = chainIdOf(chainId, diffId);
  }
  // A manifest is only kept when the blobs it names are the ones that are kept.
  const isIntact = layers.every((layer, index) => layer.blob.digest === image.layers[index]);
  return {
    config: { bytes },
    layers,
    references: image.references,
    ...(isIntact && image.manifest !== undefined ? { manifest: image.manifest } : {}),
  };
}

async function loadLayer(
  context: ImageContext,
  wanted: { readonly diffId: Digest; readonly blob: Digest; readonly parentChainId: Digest | undefined },
  options: LoadOptions & { readonly lease: Lease },
): Promise<ImageLayer> {
  const { diffId, blob, parentChainId } = wanted;
  const { lease, signal } = options;
  const chainId = chainIdOf(parentChainId, diffId);
  lease.hold(chainId);
  const size = (await context.content.sizeOf(blob)) ?? 0;
  const report = progressOf(options.onProgress, diffId, size);
  const { start, whole } = await peek(context.content.stream(blob), MAGIC_BYTES);
  const compression = compressionOf(start);
  const known = await knownLayer(context, { diffId, chainId, lease });
  if (known !== undefined && compression === "none") {
    whole.destroy();
    return known;
  }
  report(0);
  if (compression === "none") {
    const layer = await ingestLayer(context, whole, { parentChainId, lease, signal });
    if (layer.diffId !== diffId)
      throw new RuntimeError("invalid", `Layer has the digest ${layer.diffId}, not ${diffId} as stated`);
    report(size);
    return layer;
  }
  whole.destroy();
  const mediaType = compression === "zstd" ? OCI.layerZstd : DOCKER.layer;
  const layer = { diffId, blob: { mediaType, digest: blob, size } };
  const info =
    context.layers.get(chainId) ??
    (await context.layers.place(await unpackBlob(context, layer, signal), parentChainId));
  report(size);
  return { ...layer, sizeBytes: info.sizeBytes };
}

/** The same layer of an image that is here already, unpacked on the same parents; its blob stays for the lease. */
async function knownLayer(
  context: ImageContext,
  { diffId, chainId, lease }: { readonly diffId: Digest; readonly chainId: Digest; readonly lease: Lease },
): Promise<ImageLayer | undefined> {
  if (context.layers.get(chainId) === undefined) return undefined;
  const layers = context.images.all().flatMap((image) => image.layers);
  const same = layers.filter((layer) => layer.diffId === diffId);
  // At once: an image that is found may be gone a moment later.
  lease.hold(...same.map((layer) => layer.blob.digest));
  for (const layer of same) if (await context.content.hasAll([layer.blob])) return layer;
  return undefined;
}

function progressOf(
  onProgress: ((progress: ImageProgress) => void) | undefined,
  diffId: Digest,
  totalBytes: number,
) {
  const id = diffId.slice("sha256:".length).slice(0, 12);
  return (currentBytes: number) => onProgress?.({ id, status: "Loading layer", currentBytes, totalBytes });
}
