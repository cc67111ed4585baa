import { pipeline } from "node:stream/promises";
import PQueue from "p-queue";
import { type ImageProgress, type Images, type PullOptions, RuntimeError } from "../../index.ts";
import type { Digest } from "./digest.ts";
import { findImageIfThere } from "./find-image.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer, StoredImage } from "./image-store.ts";
import { MeteredReader } from "./metered-reader.ts";
import {
  familiarName,
  familiarText,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "./reference.ts";
import { RegistrySession, Repository } from "./registry/index.ts";

const UPLOADS = 5;
const MAX_SOURCES = 3;

type PushOptions = Omit<PullOptions, "platform">;

/** To the registry its name says: what is there already stays, what another repository of it has is mounted. */
export async function pushImage(
  context: ImageContext,
  text: string,
  options: PushOptions = {},
): Promise<Awaited<ReturnType<Images["push"]>>> {
  const reference = withDefaultTag(parseReference(text));
  const image = findImageIfThere(context.images, text);
  if (image === undefined || reference.tag === undefined) throw notHere(context, reference);
  const lease = context.leases.open();
  lease.hold(image.manifest.digest, image.id, ...image.layers.map((layer) => layer.blob.digest));
  const sources = mountSources(context, image, reference);
  const scopes = [
    `repository:${reference.path}:pull,push`,
    ...[...new Set(sources.values())].map((path) => `repository:${path}:pull`),
  ];
  const session = {
    domain: reference.domain,
    settings: context.registries,
    credentials: options.credentials,
    scope: scopes.join(" "),
    signal: options.signal,
    isPush: true,
  };
  try {
    await RegistrySession.run(session, (opened) =>
      pushTo(context, image, reference, {
        ...options,
        sources,
        session: opened,
        repository: new Repository(opened, reference.path),
      }),
    );
  } finally {
    lease.release();
  }
  await context.images.changeReferences({
    [`${repositoryOf(reference)}@${image.manifest.digest}`]: image.id,
  });
  return { digest: image.manifest.digest };
}

/** In dockerd's words, which differ when the repository has other tags here. */
function notHere(context: ImageContext, reference: Reference): RuntimeError {
  const isKnown = context.images
    .references()
    .some((text) => repositoryOf(parseReference(text)) === repositoryOf(reference));
  return new RuntimeError(
    "not-found",
    isKnown
      ? `tag does not exist: ${familiarText(reference)}`
      : `An image does not exist locally with the tag: ${familiarName(reference)}`,
  );
}

interface Target extends PushOptions {
  readonly session: RegistrySession;
  readonly repository: Repository;
  /** Blob digest to another repository of the same registry that has it. */
  readonly sources: ReadonlyMap<Digest, string>;
}

async function pushTo(
  context: ImageContext,
  image: StoredImage,
  reference: Reference,
  target: Target,
): Promise<void> {
  const queue = new PQueue({ concurrency: UPLOADS });
  const unique = [...new Map(image.layers.map((layer) => [layer.blob.digest, layer])).values()];
  for (const layer of unique) tell(target, layer, { status: "Preparing" });
  for (const layer of unique.slice(UPLOADS)) tell(target, layer, { status: "Waiting" });
  const pushing = unique.map((layer) => queue.add(() => pushLayer(context, layer, target)));
  await Promise.all(pushing).catch(async (error) => {
    // What fails in one layer ends the others.
    target.session.stop();
    await Promise.allSettled(pushing);
    throw error;
  });
  const manifest = await context.content.read(image.manifest.digest);
  const configSize = (await context.content.sizeOf(image.id)) ?? 0;
  const config = { mediaType: "", digest: image.id, size: configSize };
  await target.repository.upload(config, () => context.content.stream(image.id));
  const { digest, mediaType } = image.manifest;
  await target.repository.putManifest(reference.tag ?? digest, {
    bytes: manifest,
    digest,
    mediaType,
    size: manifest.length,
  });
  target.onProgress?.({ status: `${reference.tag}: digest: ${digest} size: ${manifest.length}` });
  target.onProgress?.({ status: "", aux: { Tag: reference.tag, Digest: digest, Size: manifest.length } });
}

async function pushLayer(context: ImageContext, layer: ImageLayer, target: Target): Promise<void> {
  const { repository, sources } = target;
  const { blob } = layer;
  const from = sources.get(blob.digest);
  const report = (currentBytes: number) =>
    tell(target, layer, { status: "Pushing", currentBytes, totalBytes: blob.size });
  const data = () => {
    const meter = new MeteredReader(report);
    pipeline(context.content.stream(blob.digest), meter).catch(() => {});
    return meter;
  };
  const outcome = await repository.upload(blob, data, from);
  const status = { present: "Layer already exists", mounted: `Mounted from ${from}`, uploaded: "Pushed" };
  tell(target, layer, { status: status[outcome] });
}

function tell(target: Target, layer: ImageLayer, progress: Omit<ImageProgress, "id">): void {
  target.onProgress?.({ ...progress, id: layer.diffId.slice("sha256:".length).slice(0, 12) });
}

/**
 * Which blobs of an image are known to be in other repositories of the same registry: in those few that have most of
 * them, since a token is asked for each.
 */
function mountSources(
  context: ImageContext,
  image: StoredImage,
  target: Reference,
): ReadonlyMap<Digest, string> {
  const wanted = new Set(image.layers.map((layer) => layer.blob.digest));
  const held = new Map<string, readonly Digest[]>();
  for (const text of context.images.references()) {
    const { domain, path, digest } = parseReference(text);
    if (digest === undefined || domain !== target.domain || path === target.path) continue;
    const other = context.images.get(context.images.idOf(text) ?? "");
    const shared = (other?.layers ?? []).map((layer) => layer.blob.digest).filter((blob) => wanted.has(blob));
    if (shared.length > (held.get(path)?.length ?? 0)) held.set(path, shared);
  }
  const best = [...held].sort(([, one], [, other]) => other.length - one.length).slice(0, MAX_SOURCES);
  // The best is put in last.
  return new Map(best.reverse().flatMap(([path, blobs]) => blobs.map((blob) => [blob, path])));
}
