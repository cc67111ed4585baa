import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../../lib/atomic-file.ts";
import type { ContainerRuntime, DiskUsage, Filters } from "../../index.ts";
import { checkFilterKeys, parseUntil } from "../filters.ts";
import { chainIdsOf, collectAllGarbage, type Digest } from "../images/index.ts";
import { fileBytes } from "../rootfs/index.ts";
import type { CacheEntry } from "./build-cache.ts";
import type { BuilderContext } from "./build-session.ts";

export type PruneCacheOptions = NonNullable<Parameters<ContainerRuntime["pruneBuildCache"]>[0]>;
const FILTERS: ReadonlySet<string> = new Set(["description", "id", "type", "until"]);
const ID_LENGTH = 25;

export type PrunedCache = Awaited<ReturnType<ContainerRuntime["pruneBuildCache"]>>;

type CacheRecord = DiskUsage["buildCache"][number];

/** What the cache holds: a line per layer (several keys may lead to one), and one per cache mount. */
export async function cacheUsage(builder: BuilderContext): Promise<DiskUsage["buildCache"]> {
  const inImages = layersOfImages(builder);
  const steps = [...byLayer(builder.cache.entries()).values()].map((entries) =>
    stepUsage(builder, entries, inImages),
  );
  return [...steps, ...folderUsage(builder), ...(await mountUsage(builder))];
}

function stepUsage(builder: BuilderContext, entries: Group, inImages: ReadonlySet<Digest>): CacheRecord {
  const [first] = entries;
  return {
    id: first.key.slice(0, ID_LENGTH),
    type: "regular",
    description: first.description,
    sizeBytes: first.layer?.sizeBytes ?? 0,
    isInUse: isInUse(builder, first, inImages),
    createdAt: new Date(first.createdAt),
    lastUsedAt: new Date(lastUse(entries)),
    usageCount: entries.reduce((sum, entry) => sum + entry.usageCount, 0),
  };
}

function folderUsage({ keptFolders }: BuilderContext): readonly CacheRecord[] {
  return keptFolders.usage().map(({ id, sizeBytes, createdAt, lastUsedAt, usageCount }) => ({
    id,
    type: "source.local",
    description: "local source for context",
    sizeBytes,
    isInUse: false,
    createdAt,
    lastUsedAt,
    usageCount,
  }));
}

async function mountUsage({ layout }: BuilderContext): Promise<readonly CacheRecord[]> {
  const dir = join(layout.buildCacheDir, "mounts");
  return Promise.all(
    (await namesIn(dir)).map(async (name) => ({
      id: name.slice(0, ID_LENGTH),
      type: "exec.cachemount",
      description: "cache mount",
      sizeBytes: await fileBytes(join(dir, name)),
      isInUse: false,
      createdAt: new Date(0),
      lastUsedAt: (await stat(join(dir, name))).atime,
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
 * at most `keepBytes` are left. Without `keepBytes` what was kept of clients' folders goes too. Of all that, only what
 * the filters want; a filter that names cache mounts has them without `all`.
 */
export async function pruneCache(
  builder: BuilderContext,
  options: PruneCacheOptions = {},
): Promise<PrunedCache> {
  const { all = false, keepBytes, filters = {} } = options;
  const isWanted = recordFilter(filters);
  const removed: CacheRecord[] = await pruneSteps(builder, { all, keepBytes, isWanted });
  if (keepBytes === undefined) {
    const folders = folderUsage(builder).filter(isWanted);
    await builder.keptFolders.drop(folders.map(({ id }) => id));
    removed.push(...folders);
    if (all || filters["type"]?.includes("exec.cachemount")) {
      const mounts = (await mountUsage(builder)).filter(isWanted);
      for (const { id } of mounts) await removeMount(builder, id);
      removed.push(...mounts);
    }
  }
  const { context } = builder.images;
  await context.changing.run(() => collectAllGarbage(context));
  // A layer that an image is made of stays.
  const freed = removed.filter((record) => !record.isInUse);
  return {
    removed: removed.map(({ id }) => id),
    reclaimedBytes: freed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  };
}

async function pruneSteps(
  builder: BuilderContext,
  options: {
    readonly all: boolean;
    readonly keepBytes: number | undefined;
    readonly isWanted: (record: CacheRecord) => boolean;
  },
): Promise<CacheRecord[]> {
  const { all, keepBytes = -1, isWanted } = options;
  const inImages = layersOfImages(builder);
  const groups = [...byLayer(builder.cache.entries()).values()];
  groups.sort((a, b) => (lastUse(a) < lastUse(b) ? -1 : 1));
  let keptBytes = groups.reduce((sum, [first]) => sum + (first.layer?.sizeBytes ?? 0), 0);
  const removed: CacheRecord[] = [];
  for (const entries of groups) {
    if (keptBytes <= keepBytes) break;
    const record = stepUsage(builder, entries, inImages);
    if ((record.isInUse && !all) || !isWanted(record)) continue;
    for (const entry of entries) await builder.cache.remove(entry.key);
    removed.push(record);
    keptBytes -= record.sizeBytes;
  }
  return removed;
}

async function removeMount({ layout, trash }: BuilderContext, id: string): Promise<void> {
  const dir = join(layout.buildCacheDir, "mounts");
  for (const name of await namesIn(dir)) if (name.startsWith(id)) await trash.discard(join(dir, name));
}

/** Of several values of one key any will do. */
function recordFilter(filters: Filters): (record: CacheRecord) => boolean {
  checkFilterKeys(filters, FILTERS);
  const unused = (filters["until"] ?? []).map((text) => parseUntil(text, Date.now()));
  const matches = (key: string, isMatch: (wanted: string) => boolean) =>
    filters[key] === undefined || filters[key].some(isMatch);
  return ({ id, type, description, createdAt, lastUsedAt = createdAt }) =>
    matches("id", (wanted) => id.startsWith(wanted)) &&
    matches("type", (wanted) => type === wanted) &&
    matches("description", (wanted) => description === wanted) &&
    unused.every((time) => lastUsedAt.getTime() < time);
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
