export { type Artifact, type ArtifactLayer, type ArtifactType, readArtifact } from "./artifact.ts";
export { checkStore, type StoreProblem } from "./check-store.ts";
export { collectAllGarbage, collectReleased } from "./collect-garbage.ts";
export {
  compressionOf,
  decompress,
  decompressed,
  MAGIC_BYTES,
  peek,
} from "./compression.ts";
export { createImage } from "./create-image.ts";
export { chainIdOf, chainIdsOf, type Digest, digestOf } from "./digest.ts";
export { findImageIfThere } from "./find-image.ts";
export type { BuildStepRecord, HistoryEntry } from "./image-config.ts";
export type { ImageContext } from "./image-context.ts";
export type { ImageLayer, StoredImage } from "./image-store.ts";
export { taggable } from "./import-image.ts";
export { adoptUpper } from "./ingest-layer.ts";
export type { Lease } from "./leases.ts";
export { type ImagesOptions, layersBytes, type OpenedImages, openImages } from "./open-images.ts";
export { machinePlatform, type Platform, parsePlatform, platformScore, platformText } from "./platform.ts";
export { familiarName, familiarText, parseReference, type Reference, withDefaultTag } from "./reference.ts";
export type { RegistrySettings } from "./registry/index.ts";
export { ensureLayer } from "./resolve-image.ts";
export { type WriteArtifactOptions, writeArtifact } from "./write-artifact.ts";
