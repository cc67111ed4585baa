import type { Readable } from "node:stream";
import { type RegistryCredentials, RuntimeError } from "../../index.ts";
import type { Descriptor } from "./content-store.ts";
import { type Digest, digestOf, isDigest } from "./digest.ts";
import { JsonShape } from "./json-shape.ts";
import { isIndexType } from "./media-types.ts";
import { manifestError } from "./pull-image.ts";
import { pullSession } from "./pull-session.ts";
import { familiarText, parseReference, type Reference, withDefaultTag } from "./reference.ts";
import {
  type FetchedManifest,
  RegistrySession,
  type RegistrySettings,
  Repository,
} from "./registry/index.ts";

/** How a kind of artifact is known: by its type, or, as OCI 1.0 had it, by the type of its empty configuration. */
export interface ArtifactType {
  readonly artifactType: string;
  readonly configType: string;
}

export interface ArtifactLayer {
  readonly mediaType: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

export interface Artifact {
  /** What the reference leads to now. */
  readonly digest: Digest;
  /** Each verified by length and digest. */
  readonly layers: readonly ArtifactLayer[];
}

export interface ArtifactOptions {
  readonly registries: RegistrySettings;
  readonly credentials?: RegistryCredentials | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of all layers together. */
  readonly maxBytes: number;
  /** Whether what has this digest need not be fetched again: the layers are then left out. */
  readonly isHeld?: (digest: Digest) => Promise<boolean>;
}

const MAX_LAYERS = 500;

/**
 * Reads a registry's artifact of one kind (OCI image spec 1.1, "artifacts usage"); it is held in memory.
 * `not-found` where there is none, `invalid` for something of another kind, or larger or other than it says.
 */
export async function readArtifact(
  text: string,
  type: ArtifactType,
  options: ArtifactOptions,
): Promise<Artifact> {
  const reference = withDefaultTag(parseReference(text));
  return RegistrySession.run(pullSession(reference, options.registries, options), async (session) => {
    const repository = new Repository(session, reference.path);
    const top = await fetchManifest(repository, reference, reference.digest ?? reference.tag ?? "");
    if ((await options.isHeld?.(top.digest)) === true) return { digest: top.digest, layers: [] };
    const manifest = await manifestOf(repository, reference, top, type);
    const layers: ArtifactLayer[] = [];
    for (const layer of layersOf(manifest, options.maxBytes)) {
      const bytes = await blobOf(repository, layer);
      layers.push({ mediaType: layer.mediaType, annotations: layer.annotations, bytes });
    }
    return { digest: top.digest, layers };
  });
}

async function fetchManifest(repository: Repository, reference: Reference, name: string) {
  try {
    return await repository.manifest(name);
  } catch (error) {
    throw manifestError(reference, error);
  }
}

/** The artifact's own manifest, or the one of its kind that an index lists. */
async function manifestOf(
  repository: Repository,
  reference: Reference,
  top: FetchedManifest,
  type: ArtifactType,
): Promise<JsonShape> {
  const shape = JsonShape.parse(top.bytes.toString(), "manifest");
  if (!isIndexType(top.mediaType)) return checked(shape, reference, type);
  const entry = shape.objects("manifests").find((each) => each.text("artifactType") === type.artifactType);
  if (entry === undefined) throw wrongKind(reference, "an index without one");
  const digest = digestIn(entry);
  const found = await fetchManifest(repository, { ...reference, digest }, digest);
  return checked(JsonShape.parse(found.bytes.toString(), "manifest"), reference, type);
}

function checked(shape: JsonShape, reference: Reference, type: ArtifactType): JsonShape {
  const stated = shape.text("artifactType") ?? "";
  const config = shape.object("config").text("mediaType") ?? "";
  const isRight = stated === "" ? config === type.configType : stated === type.artifactType;
  if (!isRight) throw wrongKind(reference, stated || config || "something without a type");
  return shape;
}

function wrongKind(reference: Reference, found: string): RuntimeError {
  return new RuntimeError("invalid", `${familiarText(reference)} is no such artifact, but ${found}`);
}

interface Layer extends Descriptor {
  readonly annotations: Readonly<Record<string, string>>;
}

function layersOf(manifest: JsonShape, maxBytes: number): readonly Layer[] {
  const shapes = manifest.objects("layers");
  if (shapes.length > MAX_LAYERS) throw refused(`it has more than ${MAX_LAYERS} layers`);
  const layers = shapes.map((shape) => ({
    mediaType: shape.text("mediaType") ?? "",
    digest: digestIn(shape),
    size: sizeIn(shape),
    annotations: shape.record("annotations") ?? {},
  }));
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  if (bytes > maxBytes) throw refused(`its files have ${bytes} bytes, more than ${maxBytes}`);
  return layers;
}

function digestIn(shape: JsonShape): Digest {
  const digest = shape.requiredText("digest");
  if (!isDigest(digest)) throw refused(`${JSON.stringify(digest)} is no sha256 digest`);
  return digest;
}

function sizeIn(shape: JsonShape): number {
  const size = shape.number("size");
  if (size !== undefined && Number.isSafeInteger(size) && size >= 0) return size;
  throw refused(`${shape.requiredText("digest")} has no size`);
}

async function blobOf(repository: Repository, { digest, size }: Layer): Promise<Buffer> {
  const { body } = await repository.blob(digest, 0);
  const bytes = await allOf(body, digest, size);
  if (bytes.length !== size) throw refused(`${digest} has ${bytes.length} bytes, not the ${size} stated`);
  if (digestOf(bytes) !== digest) throw refused(`what came as ${digest} has the digest ${digestOf(bytes)}`);
  return bytes;
}

async function allOf(body: Readable, digest: Digest, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw refused(`${digest} is longer than the ${maxBytes} bytes stated`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    throw new RuntimeError("unavailable", `Cannot download ${digest}`, { cause });
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks);
}

function refused(reason: string): RuntimeError {
  return new RuntimeError("invalid", `Cannot use the artifact: ${reason}`);
}
