import { stat } from "node:fs/promises";
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
  const mounts = await mountUsage(builder);
  return [...steps, ...folderUsage(builder), ...mounts.map(({ record }) => record)];
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

interface MountUsage {
  readonly name: string;
  readonly record: CacheRecord;
}

async function mountUsage({ cacheMounts }: BuilderContext): Promise<readonly MountUsage[]> {
  return Promise.all(
    (await cacheMounts.names()).map(async (name) => {
      const dir = cacheMounts.dirOf(name);
      const record = {
        id: name.slice(0, ID_LENGTH),
        type: "exec.cachemount",
        description: "cache mount",
        sizeBytes: await fileBytes(dir),
        isInUse: cacheMounts.isInUse(name),
        createdAt: new Date(0),
        lastUsedAt: (await stat(dir)).atime,
        usageCount: 1,
      };
      return { name, record };
    }),
  );
}

/**
 * Drops steps no image is made of (with `all`, every step and the cache mounts), least recently used first, until
 * at most `keepBytes` are left. Without `keepBytes` what was kept of clients' folders goes too. Of all that, only what
 * the filters want; a filter that names cache mounts has them without `all`. One that a command has mounted stays.
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
      for (const { name, record } of await mountUsage(builder))
        if (isWanted(record) && (await builder.cacheMounts.discard(name)))
          removed.push({ ...record, isInUse: false });
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
