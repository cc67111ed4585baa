import { RuntimeError } from "../../index.ts";
import type { Descriptor } from "./content-store.ts";
import { isDigest } from "./digest.ts";
import { JsonShape } from "./json-shape.ts";
import { DOCKER, isIndexType, isManifestType, OCI, SCHEMA1 } from "./media-types.ts";
import { machinePlatform, machineScore, type Platform, platformScore, platformText } from "./platform.ts";

export const MAX_MANIFEST_BYTES = 4 << 20;
export const MAX_CONFIG_BYTES = 8 << 20;
const MAX_INDEX_ENTRIES = 1000;
const MAX_LAYERS = 500;

export type ManifestDocument =
  | {
      readonly kind: "manifest";
      readonly mediaType: string;
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
    }
  | { readonly kind: "index"; readonly mediaType: string; readonly manifests: readonly IndexEntry[] };

export interface IndexEntry extends Descriptor {
  readonly platform?: Platform;
  readonly annotations: Readonly<Record<string, string>>;
}

/**
 * Reads a manifest or index. `statedType`: the content type or descriptor it came with. Documents that could be
 * read as either are refused (CVE-2021-41190), as are schema 1 and what does not match its stated type.
 */
export function parseManifest(text: string, statedType: string): ManifestDocument {
  if (text.length > MAX_MANIFEST_BYTES) throw refused("it is too long");
  const shape = JsonShape.parse(text, "manifest");
  if (shape.number("schemaVersion") === 1 || SCHEMA1.some((type) => type === statedType))
    throw new RuntimeError(
      "unsupported",
      "Docker Image Format v1 and Docker Image manifest version 2, schema 1 are not supported",
    );
  if (shape.number("schemaVersion") !== 2) throw refused("its schemaVersion is not 2");
  const mediaType = shape.text("mediaType") ?? typeByFields(shape, statedType);
  const isStated = isIndexType(statedType) || isManifestType(statedType);
  if (isStated && mediaType !== statedType)
    throw refused(`it says it is ${mediaType}, but came as ${statedType}`);
  const hasImage = shape.has("config") || shape.has("layers") || shape.has("fsLayers");
  if (shape.has("manifests") && hasImage) throw refused("it is both an image and an index");
  if (isIndexType(mediaType)) return indexOf(shape, mediaType);
  if (isManifestType(mediaType)) return imageOf(shape, mediaType);
  throw new RuntimeError(
    "unsupported",
    `Cannot read manifest: media type ${JSON.stringify(mediaType)} is unknown`,
  );
}

function typeByFields(shape: JsonShape, statedType: string): string {
  if (isIndexType(statedType) || isManifestType(statedType)) return statedType;
  return shape.has("manifests") ? OCI.index : OCI.manifest;
}

function indexOf(shape: JsonShape, mediaType: string): ManifestDocument {
  const entries = shape.objects("manifests");
  if (entries.length > MAX_INDEX_ENTRIES) throw refused(`it lists more than ${MAX_INDEX_ENTRIES} manifests`);
  return { kind: "index", mediaType, manifests: entries.map(indexEntry) };
}

function indexEntry(shape: JsonShape): IndexEntry {
  const platform = shape.object("platform");
  const variant = platform.text("variant");
  const os = platform.text("os");
  const architecture = platform.text("architecture");
  return {
    ...descriptorOf(shape),
    annotations: shape.record("annotations") ?? {},
    ...(os === undefined || architecture === undefined
      ? {}
      : { platform: { os, architecture, ...(variant ? { variant } : {}) } }),
  };
}

function imageOf(shape: JsonShape, mediaType: string): ManifestDocument {
  if (!shape.has("config")) throw refused("it names no configuration");
  const layers = shape.objects("layers").map(descriptorOf);
  if (layers.length > MAX_LAYERS) throw refused(`it has more than ${MAX_LAYERS} layers`);
  const config = descriptorOf(shape.object("config"));
  if (config.mediaType !== DOCKER.config && config.mediaType !== OCI.config)
    throw new RuntimeError(
      "unsupported",
      `Cannot use artifact: its configuration is ${JSON.stringify(config.mediaType)}, no image's`,
    );
  if (config.size > MAX_CONFIG_BYTES) throw refused("its configuration is too long");
  return { kind: "manifest", mediaType, config, layers };
}

function descriptorOf(shape: JsonShape): Descriptor {
  const digest = shape.requiredText("digest");
  const size = shape.number("size");
  if (!isDigest(digest)) throw refused(`${JSON.stringify(digest)} is no sha256 digest`);
  if (size === undefined || !Number.isSafeInteger(size) || size < 0) throw refused(`${digest} has no size`);
  return { mediaType: shape.text("mediaType") ?? "", digest, size };
}

function refused(reason: string): RuntimeError {
  return new RuntimeError("invalid", `Cannot use manifest: ${reason}`);
}

/** The entry that serves a platform best, without one this machine; of equals the first. */
export function pickPlatform(
  manifests: readonly IndexEntry[],
  wanted: Platform | undefined,
  name: string,
): IndexEntry {
  const scoreOf = (offered: Platform) =>
    wanted === undefined ? machineScore(machinePlatform(), offered) : platformScore(wanted, offered);
  let best: IndexEntry | undefined;
  let bestScore = 0;
  for (const entry of manifests) {
    const score = entry.platform === undefined ? 0 : scoreOf(entry.platform);
    if (score > bestScore) [best, bestScore] = [entry, score];
  }
  if (best !== undefined) return best;
  const only = manifests.length === 1 ? manifests[0] : undefined;
  if (only !== undefined && only.platform === undefined) return only;
  throw new RuntimeError(
    "not-found",
    `no matching manifest for ${platformText(wanted ?? machinePlatform())} in the manifest list entries: ${name}`,
  );
}
