import { Readable } from "node:stream";
import { type RegistryCredentials, RuntimeError } from "../../index.ts";
import type { ArtifactLayer, ArtifactType } from "./artifact.ts";
import type { Descriptor } from "./content-store.ts";
import { type Digest, digestOf } from "./digest.ts";
import { OCI } from "./media-types.ts";
import { parseReference, withDefaultTag } from "./reference.ts";
import { RegistryFailure, RegistrySession, type RegistrySettings, Repository } from "./registry/index.ts";

export interface WriteArtifactOptions {
  readonly registries: RegistrySettings;
  readonly credentials?: RegistryCredentials | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  /** Absent: 1.1, and 1.0 where the registry refuses that. */
  readonly ociVersion?: "1.0" | "1.1" | undefined;
}

const EMPTY = Buffer.from("{}");
const EMPTY_TYPE = "application/vnd.oci.empty.v1+json";

/** Puts an artifact into a registry under its tag, what is there already left alone. Resolves to its digest. */
export async function writeArtifact(
  text: string,
  type: ArtifactType,
  layers: readonly ArtifactLayer[],
  options: WriteArtifactOptions,
): Promise<Digest> {
  const reference = withDefaultTag(parseReference(text));
  const { tag } = reference;
  if (tag === undefined || reference.digest !== undefined)
    throw new RuntimeError("invalid", `"${text}" names a digest; an artifact is put under a tag`);
  const session = {
    domain: reference.domain,
    settings: options.registries,
    credentials: options.credentials,
    scope: `repository:${reference.path}:pull,push`,
    signal: options.signal,
    isPush: true,
  };
  return RegistrySession.run(session, async (opened) => {
    const repository = new Repository(opened, reference.path);
    await upload(repository, EMPTY);
    for (const { bytes } of layers) await upload(repository, bytes);
    const put = async (version: "1.0" | "1.1") => {
      const bytes = manifestOf(type, layers, version, options.annotations);
      const manifest = { bytes, digest: digestOf(bytes), mediaType: OCI.manifest, size: bytes.length };
      await repository.putManifest(tag, manifest);
      return manifest.digest;
    };
    if (options.ociVersion !== undefined) return put(options.ociVersion);
    return put("1.1").catch((error: unknown) => {
      if (error instanceof RegistryFailure && error.kind === "invalid") return put("1.0");
      throw error;
    });
  });
}

async function upload(repository: Repository, bytes: Buffer): Promise<void> {
  await repository.upload(descriptorOf("", bytes), () => Readable.from([bytes]));
}

function descriptorOf(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length };
}

/** OCI 1.0 has no types of artifacts: there the empty configuration's says it. */
function manifestOf(
  { artifactType, configType }: ArtifactType,
  layers: readonly ArtifactLayer[],
  version: "1.0" | "1.1",
  annotations: Readonly<Record<string, string>>,
): Buffer {
  const isTyped = version === "1.1";
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI.manifest,
    ...(isTyped && { artifactType }),
    config: descriptorOf(isTyped ? EMPTY_TYPE : configType, EMPTY),
    layers: layers.map((layer) => ({
      ...descriptorOf(layer.mediaType, layer.bytes),
      annotations: layer.annotations,
    })),
    annotations,
  };
  return Buffer.from(JSON.stringify(manifest));
}
