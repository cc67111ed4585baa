import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../../lib/atomic-file.ts";
import type { ContainerRuntime, DiskUsage } from "../../index.ts";
import { chainIdsOf, collectAllGarbage, type Digest } from "../images/index.ts";
import { fileBytes } from "../rootfs/index.ts";
import type { CacheEntry } from "./build-cache.ts";
import type { BuilderContext } from "./build-session.ts";

export type PruneCacheOptions = NonNullable<Parameters<ContainerRuntime["pruneBuildCache"]>[0]>;
export type PrunedCache = Awaited<ReturnType<ContainerRuntime["pruneBuildCache"]>>;

/** What the cache holds: a line per layer (several keys may lead to one), and one per cache mount. */
export async function cacheUsage(builder: BuilderContext): Promise<DiskUsage["buildCache"]> {
  const inImages = layersOfImages(builder);
  const steps = [...byLayer(builder.cache.entries()).values()].map((entries) => {
    const [first] = entries;
    return {
      id: shortKey(first),
      description: first.description,
      sizeBytes: first.layer?.sizeBytes ?? 0,
      isInUse: isInUse(builder, first, inImages),
      createdAt: new Date(first.createdAt),
      lastUsedAt: new Date(lastUse(entries)),
      usageCount: entries.reduce((sum, entry) => sum + entry.usageCount, 0),
    };
  });
  return [...steps, ...folderUsage(builder), ...(await mountUsage(builder))];
}

function folderUsage({ keptFolders }: BuilderContext): DiskUsage["buildCache"] {
  return keptFolders.usage().map(({ id, sizeBytes, createdAt, lastUsedAt, usageCount }) => ({
    id,
    description: "local source for context",
    sizeBytes,
    isInUse: false,
    createdAt,
    lastUsedAt,
    usageCount,
  }));
}

async function mountUsage({ layout }: BuilderContext): Promise<DiskUsage["buildCache"]> {
  const dir = join(layout.buildCacheDir, "mounts");
  return Promise.all(
    (await namesIn(dir)).map(async (name) => ({
      id: name.slice(0, 25),
      description: "cache mount",
      sizeBytes: await fileBytes(join(dir, name)),
      isInUse: false,
      createdAt: new Date(0),
      usageCount: 1,
    })),
  );
}

async function namesIn(dir: string): Promise<readonly string[]> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

/**
 * Drops steps no image is made of (with `all`, every step and the cache mounts), least recently used first, until
 * at most `keepBytes` are left. Without `keepBytes` what was kept of clients' folders goes too.
 */
export async function pruneCache(
  builder: BuilderContext,
  options: PruneCacheOptions = {},
): Promise<PrunedCache> {
  const inImages = layersOfImages(builder);
  const groups = [...byLayer(builder.cache.entries()).values()];
  groups.sort((a, b) => (lastUse(a) < lastUse(b) ? -1 : 1));
  let keptBytes = groups.reduce((sum, [first]) => sum + (first.layer?.sizeBytes ?? 0), 0);
  const removed: string[] = [];
  let reclaimedBytes = 0;
  for (const entries of groups) {
    const [first] = entries;
    const isUsed = isInUse(builder, first, inImages);
    if (options.keepBytes !== undefined && keptBytes <= options.keepBytes) break;
    if (isUsed && options.all !== true) continue;
    for (const entry of entries) await builder.cache.remove(entry.key);
    removed.push(shortKey(first));
    keptBytes -= first.layer?.sizeBytes ?? 0;
    // A layer that an image is made of stays.
    if (!isUsed) reclaimedBytes += first.layer?.sizeBytes ?? 0;
  }
  if (options.keepBytes === undefined) {
    for (const { id, sizeBytes } of builder.keptFolders.usage()) {
      removed.push(id);
      reclaimedBytes += sizeBytes;
    }
    await builder.keptFolders.clear();
  }
  if (options.all === true && options.keepBytes === undefined) {
    for (const mount of await mountUsage(builder)) {
      removed.push(mount.id);
      reclaimedBytes += mount.sizeBytes;
    }
    await builder.trash.discard(join(builder.layout.buildCacheDir, "mounts"));
  }
  const { context } = builder.images;
  await context.changing.run(() => collectAllGarbage(context));
  return { removed, reclaimedBytes };
}

type Group = [CacheEntry, ...CacheEntry[]];

function byLayer(entries: readonly CacheEntry[]): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const entry of entries) {
    const id = entry.chainId ?? entry.key;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [entry]);
    else group.push(entry);
  }
  return groups;
}

function lastUse(entries: Group): string {
  return (
    entries
      .map((entry) => entry.lastUsedAt)
      .sort()
      .at(-1) ?? ""
  );
}

function shortKey({ key }: CacheEntry): string {
  return key.slice(0, 25);
}

function isInUse(
  { images }: BuilderContext,
  { chainId }: CacheEntry,
  inImages: ReadonlySet<Digest>,
): boolean {
  return chainId !== undefined && (inImages.has(chainId) || images.context.leases.has(chainId));
}

function layersOfImages({ images }: BuilderContext): ReadonlySet<Digest> {
  return new Set(images.context.images.all().flatMap((image) => chainIdsOf(image.config.diffIds)));
}
