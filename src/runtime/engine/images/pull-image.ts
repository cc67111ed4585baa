import PQueue from "p-queue";
import { type ImageProgress, type Images, type PullOptions, RuntimeError } from "../../index.ts";
import type { Descriptor } from "./content-store.ts";
import { createImage, storedBlobs } from "./create-image.ts";
import { chainIdsOf, type Digest } from "./digest.ts";
import { fetchBlob } from "./fetch-blob.ts";
import { type ImageConfig, parseImageConfig } from "./image-config.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer } from "./image-store.ts";
import type { StagedLayer } from "./layer-store.ts";
import type { Lease } from "./leases.ts";
import { type ManifestDocument, parseManifest, pickPlatform } from "./manifest.ts";
import { OCI } from "./media-types.ts";
import { parsePlatform, platformScore, platformText } from "./platform.ts";
import { pullSession } from "./pull-session.ts";
import {
  canonicalText,
  familiarName,
  familiarText,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "./reference.ts";
import { type FetchedManifest, RegistrySession, Repository } from "./registry/index.ts";
import { unpackBlob } from "./resolve-image.ts";

type Pulled = Awaited<ReturnType<Images["pull"]>>;

const DOWNLOADS = 3;
const UNPACKINGS = 2;

interface Pull {
  readonly context: ImageContext;
  readonly reference: Reference;
  readonly options: PullOptions;
  readonly session: RegistrySession;
  readonly repository: Repository;
  readonly lease: Lease;
  readonly downloads: PQueue;
  readonly unpackings: PQueue;
}

type ImageManifest = Extract<ManifestDocument, { kind: "manifest" }>;

/** From a registry, layer by layer in parallel; visible once all of it is stored and verified. */
export async function pullImage(
  context: ImageContext,
  text: string,
  options: PullOptions = {},
): Promise<Pulled> {
  const reference = withDefaultTag(parseReference(text));
  if (options.platform !== undefined) parsePlatform(options.platform);
  if (familiarName(reference) === "scratch")
    throw new RuntimeError("invalid", "'scratch' is a reserved name");
  const lease = context.leases.open();
  const session = pullSession(reference, context.registries, options);
  try {
    return await RegistrySession.run(session, (opened) =>
      pullFrom({
        context,
        reference,
        options,
        session: opened,
        repository: new Repository(opened, reference.path),
        lease,
        downloads: new PQueue({ concurrency: DOWNLOADS }),
        unpackings: new PQueue({ concurrency: UNPACKINGS }),
      }),
    );
  } finally {
    lease.release();
  }
}

async function pullFrom(pull: Pull): Promise<Pulled> {
  const { context, reference, options } = pull;
  const top = await fetchTop(pull);
  options.onProgress?.({
    id: reference.digest === undefined ? (reference.tag ?? "") : familiarText(reference),
    status: `Pulling from ${reference.path}`,
  });
  const { fetched, manifest } = await chooseImage(pull, top);
  const references = [
    ...(reference.digest === undefined ? [canonicalText(reference)] : []),
    `${repositoryOf(reference)}@${top.digest}`,
  ];
  const isNamed = references.every((name) => context.images.idOf(name) === manifest.config.digest);
  const isCurrent = isNamed && (await isStored(context, manifest.config));
  if (!isCurrent) {
    const bytes = await fetchConfig(pull, manifest);
    const config = parseImageConfig(bytes.toString());
    checkPlatform(pull, config);
    const layers = await fetchLayers(pull, manifest, config.diffIds);
    pull.lease.hold(fetched.digest);
    const stored = await context.content.put(fetched.bytes, manifest.mediaType);
    await createImage(context, { config: { bytes }, layers, manifest: stored, references });
  }
  options.onProgress?.({ status: `Digest: ${top.digest}` });
  options.onProgress?.(pulledStatus(familiarText(reference), !isCurrent));
  return { id: manifest.config.digest, digest: top.digest, isNew: !isCurrent };
}

/** With all that it is made of. */
async function isStored({ images, content }: ImageContext, config: Descriptor): Promise<boolean> {
  const image = images.get(config.digest);
  return image !== undefined && content.hasAll([config, ...storedBlobs(image)]);
}

/** The closing line of a pull. */
export function pulledStatus(shown: string, isNew: boolean): ImageProgress {
  return {
    status: isNew
      ? `Status: Downloaded newer image for ${shown}`
      : `Status: Image is up to date for ${shown}`,
  };
}

async function fetchTop({ repository, reference }: Pull): Promise<FetchedManifest> {
  try {
    return await repository.manifest(reference.digest ?? reference.tag ?? "");
  } catch (error) {
    throw manifestError(reference, error);
  }
}

/** Docker's own words for the two everyday cases. */
export function manifestError(reference: Reference, error: unknown): unknown {
  if (!(error instanceof RuntimeError)) return error;
  const name = familiarText(reference);
  if (error.kind === "not-found")
    return new RuntimeError("not-found", `manifest for ${name} not found: ${error.message}`);
  if (error.kind === "unauthorized" && reference.domain === "docker.io")
    return new RuntimeError(
      "unauthorized",
      `pull access denied for ${familiarText({ domain: reference.domain, path: reference.path })}, repository does not exist or may require 'docker login'`,
      { cause: error },
    );
  return error;
}

/** The manifest of one image: of the wanted platform when the reference means several. */
async function chooseImage(
  pull: Pull,
  top: FetchedManifest,
): Promise<{ readonly fetched: FetchedManifest; readonly manifest: ImageManifest }> {
  let fetched = top;
  let document = parseManifest(top.bytes.toString(), top.mediaType);
  for (let depth = 0; document.kind === "index"; depth++) {
    if (depth > 1) throw new RuntimeError("invalid", "Cannot use manifest: indexes are nested too deep");
    const { platform } = pull.options;
    const wanted = platform === undefined ? undefined : parsePlatform(platform);
    const entry = pickPlatform(document.manifests, wanted, familiarText(pull.reference));
    fetched = await pull.repository.manifest(entry.digest);
    if (fetched.size !== entry.size)
      throw new RuntimeError("invalid", `Cannot use manifest: ${entry.digest} has another size than stated`);
    document = parseManifest(fetched.bytes.toString(), entry.mediaType);
  }
  return { fetched, manifest: document };
}

async function fetchConfig(pull: Pull, manifest: ImageManifest): Promise<Buffer> {
  const { context, session, repository, lease } = pull;
  lease.hold(manifest.config.digest);
  await fetchBlob(context, manifest.config, { session, repository });
  return context.content.read(manifest.config.digest);
}

function checkPlatform({ options, reference }: Pull, config: ImageConfig): void {
  if (config.os !== "linux")
    throw new RuntimeError(
      "invalid",
      `image operating system "${config.os}" cannot be used on this platform`,
    );
  if (options.platform === undefined) return;
  const wanted = parsePlatform(options.platform);
  if (platformScore(wanted, config) > 0) return;
  throw new RuntimeError(
    "not-found",
    `image with reference ${familiarText(reference)} was found but its platform (${platformText(config)}) does not match the specified platform (${platformText(wanted)})`,
  );
}

async function fetchLayers(
  pull: Pull,
  manifest: ImageManifest,
  diffIds: readonly Digest[],
): Promise<readonly ImageLayer[]> {
  if (diffIds.length !== manifest.layers.length)
    throw new RuntimeError(
      "invalid",
      `Cannot use manifest: it has ${manifest.layers.length} layers, its configuration ${diffIds.length}`,
    );
  const chainIds = chainIdsOf(diffIds);
  pull.lease.hold(...chainIds, ...manifest.layers.map((layer) => layer.digest));
  const wanted = manifest.layers.map((blob, index) => ({
    blob: { ...blob, mediaType: blob.mediaType === "" ? OCI.layerGzip : blob.mediaType },
    diffId: diffIds[index] ?? "",
    chainId: chainIds[index] ?? "",
    parentChainId: chainIds[index - 1],
  }));
  const tell = teller(pull);
  for (const layer of wanted) tell(layer.blob.digest, { status: "Pulling fs layer" });
  const staged = wanted.map((layer) => fetchLayer(pull, layer, tell));
  // Each is awaited in its turn; one that fails before must not count as nobody's.
  for (const outcome of staged) outcome.catch(() => {});
  return placeInOrder(pull, wanted, staged, tell);
}

interface WantedLayer {
  readonly blob: ImageLayer["blob"];
  readonly diffId: Digest;
  readonly chainId: Digest;
  readonly parentChainId: Digest | undefined;
}

type Tell = (digest: Digest, progress: Omit<ImageProgress, "id">) => void;

function teller({ options }: Pull): Tell {
  return (digest, progress) =>
    options.onProgress?.({ ...progress, id: digest.slice("sha256:".length).slice(0, 12) });
}

/** Downloads and unpacks; undefined when it is unpacked already. */
async function fetchLayer(pull: Pull, layer: WantedLayer, tell: Tell): Promise<StagedLayer | undefined> {
  const { context, session, repository } = pull;
  const { blob, diffId, chainId } = layer;
  const isUnpacked = () => context.layers.get(chainId) !== undefined;
  if (isUnpacked() && (await context.content.hasAll([blob]))) {
    tell(blob.digest, { status: "Already exists" });
    return undefined;
  }
  await pull.downloads.add(() =>
    fetchBlob(context, blob, {
      session,
      repository,
      onProgress: (progress) => tell(blob.digest, progress),
    }),
  );
  tell(blob.digest, { status: "Download complete" });
  if (isUnpacked()) return undefined;
  return pull.unpackings.add(async () => {
    tell(blob.digest, { status: "Extracting", currentBytes: 0, totalBytes: blob.size });
    const staged = await unpackBlob(context, { diffId, blob }, session.signal);
    tell(blob.digest, { status: "Extracting", currentBytes: blob.size, totalBytes: blob.size });
    return staged;
  });
}

/** A layer takes the looks of its folders from the layers below it, so they go into place from the base up. */
async function placeInOrder(
  pull: Pull,
  wanted: readonly WantedLayer[],
  staging: readonly Promise<StagedLayer | undefined>[],
  tell: Tell,
): Promise<readonly ImageLayer[]> {
  const { layers } = pull.context;
  const placed: ImageLayer[] = [];
  try {
    for (const [index, layer] of wanted.entries()) {
      const staged = await staging[index];
      const info =
        staged === undefined ? layers.get(layer.chainId) : await layers.place(staged, layer.parentChainId);
      if (info === undefined) throw new RuntimeError("internal", `Layer ${layer.chainId} is gone`);
      placed.push({ diffId: layer.diffId, blob: layer.blob, sizeBytes: info.sizeBytes });
      if (staged !== undefined) tell(layer.blob.digest, { status: "Pull complete" });
    }
    return placed;
  } catch (error) {
    // What fails in one layer ends the others.
    pull.session.stop();
    for (const outcome of await Promise.allSettled(staging.slice(placed.length)))
      if (outcome.status === "fulfilled" && outcome.value !== undefined) await layers.discard(outcome.value);
    throw error;
  }
}
