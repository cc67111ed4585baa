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
  /** Where the key is one of several: what it takes the others to tell. */
  readonly full?: FullStep;
}

/** What a step is once all that it depends on has been read. */
export interface FullStep {
  readonly keys: readonly string[];
  /** As the image's history has it. */
  readonly createdBy: string;
}

const STORE_USES_MS = 1000;
const KEY_FILE = /^[0-9a-f]{64}\.json$/;

/** Digest of whatever a step depends on. */
export function cacheKey(...parts: readonly unknown[]): string {
  return createHash("sha256").update(stableJson(parts)).digest("hex");
}

/** Steps done before, one small file each: a cache that may be deleted at any time, by anyone. */
export class BuildCache {
  readonly #dir: string;
  readonly #entries = new Map<string, CacheEntry>();
  /** Keys whose use is not on disk yet. */
  readonly #used = new Set<string>();

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

  /** Notes that an entry served a build. On disk a while later: no build waits for it, and a crash loses only which was used last. */
  use(entry: CacheEntry): void {
    const used = { ...entry, lastUsedAt: new Date().toISOString(), usageCount: entry.usageCount + 1 };
    this.#entries.set(entry.key, used);
    if (this.#used.size === 0) setTimeout(() => void this.#storeUses(), STORE_USES_MS).unref();
    this.#used.add(entry.key);
  }

  async #storeUses(): Promise<void> {
    const keys = [...this.#used];
    this.#used.clear();
    for (const key of keys) {
      const entry = this.#entries.get(key);
      // The whole data root may be deleted under a test: nothing to do then.
      if (entry !== undefined) await this.put(entry).catch(() => {});
    }
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
