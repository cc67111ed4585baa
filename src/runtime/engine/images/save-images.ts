import { Readable } from "node:stream";
import { RuntimeError } from "../../index.ts";
import { EMPTY_FOLDER, formatEntry, paddingOf } from "../rootfs/index.ts";
import type { Descriptor } from "./content-store.ts";
import { type Digest, hexOf } from "./digest.ts";
import { findImageIfThere, isIdPrefix } from "./find-image.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";
import { OCI } from "./media-types.ts";
import { familiarName, familiarText, parseReference, type Reference, repositoryOf } from "./reference.ts";

interface Selection {
  readonly image: StoredImage;
  readonly references: Reference[];
}

/**
 * One tar that is an OCI layout and, by `manifest.json` and `repositories`, a Docker archive at once. Layers stay
 * compressed as they are stored: every reader of either format unpacks them.
 */
export async function saveImages(context: ImageContext, names: readonly string[]): Promise<Readable> {
  const selections = select(context, names);
  const lease = context.leases.open();
  for (const { image } of selections) lease.hold(...blobsOf(image).map((blob) => blob.digest));
  const tar = Readable.from(archive(context, selections), { objectMode: false, highWaterMark: 1 << 18 });
  tar.once("close", () => lease.release());
  return tar;
}

function select(context: ImageContext, names: readonly string[]): readonly Selection[] {
  const selections = new Map<Digest, Selection>();
  for (const name of names) {
    for (const reference of expand(context, name)) {
      const image = findImageIfThere(context.images, reference);
      // Unlike elsewhere, Docker shows the name here as it was given.
      if (image === undefined) throw new RuntimeError("not-found", `No such image: ${name}`);
      const selection = selections.get(image.id) ?? { image, references: [] };
      selections.set(image.id, selection);
      if (isIdPrefix(image, reference)) continue;
      const parsed = parseReference(reference);
      if (
        parsed.tag !== undefined &&
        !selection.references.some((other) => familiarText(other) === familiarText(parsed))
      )
        selection.references.push(parsed);
    }
  }
  return [...selections.values()];
}

/** A name without a tag means all tags of the repository. */
function expand(context: ImageContext, name: string): readonly string[] {
  if (/^(?:sha256:)?[0-9a-f]{64}$/.test(name)) return [name];
  const reference = parseReference(name);
  if (reference.tag !== undefined || reference.digest !== undefined) return [familiarText(reference)];
  const prefix = `${repositoryOf(reference)}:`;
  const tags = context.images.references().filter((text) => text.startsWith(prefix));
  return tags.length === 0 ? [name] : tags.map((text) => familiarText(parseReference(text)));
}

function blobsOf(image: StoredImage): readonly Descriptor[] {
  const config = { mediaType: "", digest: image.id, size: 0 };
  return [image.manifest, config, ...image.layers.map((layer) => layer.blob)];
}

async function* archive(context: ImageContext, selections: readonly Selection[]): AsyncGenerator<Buffer> {
  yield fileOf("oci-layout", '{"imageLayoutVersion":"1.0.0"}');
  yield fileOf("index.json", indexJson(selections));
  yield fileOf("manifest.json", dockerManifest(selections));
  yield fileOf("repositories", repositories(selections));
  const written = new Set<Digest>();
  for (const folder of ["blobs/", "blobs/sha256/"]) yield formatEntry({ ...EMPTY_FOLDER, name: folder });
  for (const { digest } of selections.flatMap(({ image }) => blobsOf(image))) {
    if (written.has(digest)) continue;
    written.add(digest);
    const size = (await context.content.sizeOf(digest)) ?? 0;
    yield headerOf(pathOf(digest), size);
    yield* context.content.stream(digest);
    yield Buffer.alloc(paddingOf(size));
  }
  yield Buffer.alloc(1024);
}

function headerOf(name: string, bytes: number): Buffer {
  return formatEntry({
    ...EMPTY_FOLDER,
    type: "file",
    name,
    mode: 0o644,
    storedBytes: bytes,
    fileBytes: bytes,
  });
}

function fileOf(name: string, text: string): Buffer {
  const data = Buffer.from(text);
  return Buffer.concat([headerOf(name, data.length), data, Buffer.alloc(paddingOf(data.length))]);
}

function pathOf(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

function indexJson(selections: readonly Selection[]): string {
  const manifests = selections.flatMap(({ image, references }) => {
    const { mediaType, digest, size } = image.manifest;
    const { os, architecture, variant } = image.config;
    const entry = { mediaType, digest, size, platform: { architecture, os, variant } };
    if (references.length === 0) return [entry];
    return references.map((reference) => ({
      ...entry,
      annotations: {
        "io.containerd.image.name": `${repositoryOf(reference)}:${reference.tag}`,
        "org.opencontainers.image.ref.name": reference.tag,
      },
    }));
  });
  return JSON.stringify({ schemaVersion: 2, mediaType: OCI.index, manifests });
}

function dockerManifest(selections: readonly Selection[]): string {
  return JSON.stringify(
    selections.map(({ image, references }) => ({
      Config: pathOf(image.id),
      RepoTags: references.length === 0 ? null : references.map(familiarText),
      Layers: image.layers.map((layer) => pathOf(layer.blob.digest)),
    })),
  );
}

function repositories(selections: readonly Selection[]): string {
  const byName: Record<string, Record<string, string>> = {};
  for (const { image, references } of selections) {
    for (const reference of references) {
      const tags = byName[familiarName(reference)] ?? {};
      byName[familiarName(reference)] = tags;
      if (reference.tag !== undefined) tags[reference.tag] = hexOf(image.layers.at(-1)?.diffId ?? image.id);
    }
  }
  return JSON.stringify(byName);
}
