/** Media types of the two families of image documents: Docker's schema 2 and OCI's. */
export const DOCKER = {
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  manifestList: "application/vnd.docker.distribution.manifest.list.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
  foreignLayer: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
} as const;

export const OCI = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const;

export const SCHEMA1 = [
  "application/vnd.docker.distribution.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v1+prettyjws",
] as const;

export function isIndexType(mediaType: string): boolean {
  return mediaType === DOCKER.manifestList || mediaType === OCI.index;
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === DOCKER.manifest || mediaType === OCI.manifest;
}

export function isOciLayer(mediaType: string): boolean {
  return mediaType.startsWith("application/vnd.oci.image.layer.");
}

/** What OCI calls a layer of one of Docker's types. */
export function ociLayerType(mediaType: string): string {
  return OCI_LAYERS[mediaType] ?? mediaType;
}

const OCI_LAYERS: Readonly<Record<string, string>> = {
  "application/vnd.docker.image.rootfs.diff.tar": OCI.layer,
  [DOCKER.layer]: OCI.layerGzip,
  "application/vnd.docker.image.rootfs.diff.tar.zstd": OCI.layerZstd,
  [DOCKER.foreignLayer]: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};
