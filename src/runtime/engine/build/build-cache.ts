import { createHash } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import { stableJson } from "../../../lib/stable-json.ts";
import type { Digest, ImageLayer } from "../images/index.ts";

/** What a step made, under the digest of all that it depended on. */
export interface CacheEntry {
  readonly key: string;
  readonly description: string;
  /** Absent: the step changed no file. */
  readonly layer?: ImageLayer;
  /** Of the state after the step. */
  readonly chainId?: Digest;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly usageCount: number;
}

const KEY_FILE = /^[0-9a-f]{64}\.json$/;

/** Digest of whatever a step depends on. */
export function cacheKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(stableJson(parts)).digest("hex");
}

/** Steps done before, one small file each: a cache that may be deleted at any time, by anyone. */
export class BuildCache {
  readonly #dir: string;
  readonly #entries = new Map<string, CacheEntry>();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  static async open(buildCacheDir: string): Promise<BuildCache> {
    const cache = new BuildCache(join(buildCacheDir, "steps"));
    await mkdir(cache.#dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(cache.#dir)) {
      const path = join(cache.#dir, name);
      const entry = KEY_FILE.test(name) ? parseEntry(await readFileIfThere(path)) : undefined;
      if (entry === undefined) await rm(path, { force: true, recursive: true });
      else cache.#entries.set(entry.key, entry);
    }
    return cache;
  }

  entries(): readonly CacheEntry[] {
    return [...this.#entries.values()];
  }

  get(key: string): CacheEntry | undefined {
    return this.#entries.get(key);
  }

  /** Notes that an entry served a build. */
  async use(entry: CacheEntry): Promise<void> {
    const used = { ...entry, lastUsedAt: new Date().toISOString(), usageCount: entry.usageCount + 1 };
    await this.put(used);
  }

  async put(entry: CacheEntry): Promise<void> {
    this.#entries.set(entry.key, entry);
    const path = join(this.#dir, `${entry.key}.json`);
    await writeFileAtomically(path, `${JSON.stringify(entry)}\n`, { isDurable: false });
  }

  async remove(key: string): Promise<void> {
    this.#entries.delete(key);
    await rm(join(this.#dir, `${key}.json`), { force: true });
  }
}

function parseEntry(text: string | undefined): CacheEntry | undefined {
  try {
    const value: Partial<CacheEntry> = JSON.parse(text ?? "");
    const isSound = typeof value.key === "string" && typeof value.createdAt === "string";
    return isSound ? (value as CacheEntry) : undefined;
  } catch {
    return undefined;
  }
}
