import { randomBytes } from "node:crypto";
import { mkdir, readdir, rename, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMissing } from "../../../lib/atomic-file.ts";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Trash } from "../rootfs/index.ts";

interface OpenCache {
  readonly dir: string;
  readonly isPrivate: boolean;
  /** Commands that have it mounted, or are about to. */
  users: number;
}

/** A cache that stays where it is until it is released. */
export interface TakenCache {
  readonly dir: string;
  release(): Promise<void>;
}

/** Folders that commands of builds write to and that later builds find again. */
export class CacheMounts {
  readonly #layout: DiskLayout;
  readonly #trash: Trash;
  readonly #open = new Map<string, OpenCache[]>();
  readonly #locked = new KeyedMutex();
  /** Folders that are made or discarded. */
  readonly #changing = new KeyedMutex();

  constructor(layout: DiskLayout, trash: Trash) {
    this.#layout = layout;
    this.#trash = trash;
  }

  /** Names of those that are kept. */
  async names(): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#layout.buildCacheDir, "mounts"));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  dirOf(name: string): string {
    return join(this.#layout.buildCacheDir, "mounts", name);
  }

  isInUse(name: string): boolean {
    return this.#open.get(name)?.some(({ dir }) => dir === this.dirOf(name)) === true;
  }

  /** One caller at a time for a key. */
  exclusively<T>(key: string, action: () => Promise<T>): Promise<T> {
    return this.#locked.run(key, action);
  }

  /**
   * The cache, made by `fill` if it is not there; where a private user is concerned, whoever comes second has one that
   * is empty and goes with its last user.
   */
  async take(
    name: string,
    { isPrivate, fill }: { readonly isPrivate: boolean; readonly fill: (dir: string) => Promise<void> },
  ): Promise<TakenCache> {
    // At once, so that nobody else takes or discards it meanwhile.
    const cache = this.#join(name, isPrivate);
    const release = () => this.#leave(name, cache);
    try {
      await this.#changing.run(cache.dir, () => this.#make(cache.dir, fill));
      return { dir: cache.dir, release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  #join(name: string, isPrivate: boolean): OpenCache {
    const open = this.#open.get(name) ?? [];
    const shared = isPrivate ? undefined : open.find((cache) => !cache.isPrivate);
    if (shared !== undefined) {
      shared.users++;
      return shared;
    }
    const dir = this.isInUse(name) ? this.#temporaryDir() : this.dirOf(name);
    const cache = { dir, isPrivate, users: 1 };
    this.#open.set(name, [...open, cache]);
    return cache;
  }

  async #leave(name: string, cache: OpenCache): Promise<void> {
    cache.users--;
    if (cache.users > 0) return;
    const left = this.#open.get(name)?.filter((other) => other !== cache) ?? [];
    if (left.length === 0) this.#open.delete(name);
    else this.#open.set(name, left);
    if (cache.dir !== this.dirOf(name)) await this.#trash.discard(cache.dir);
  }

  /** It is there whole, or not at all. */
  async #make(dir: string, fill: (dir: string) => Promise<void>): Promise<void> {
    const found = await statIfThere(dir);
    // By when it was last read its age is told.
    if (found !== undefined) return utimes(dir, new Date(), found.mtime);
    const staging = this.#temporaryDir();
    await mkdir(staging, { mode: 0o755 });
    try {
      await fill(staging);
      await mkdir(dirname(dir), { recursive: true, mode: 0o755 });
      await rename(staging, dir);
    } catch (error) {
      await this.#trash.discard(staging);
      throw error;
    }
  }

  /** A crash leaves what the next start removes. */
  #temporaryDir(): string {
    return join(this.#layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
  }

  /** Whether it could go: one in use stays. */
  async discard(name: string): Promise<boolean> {
    return this.#changing.run(this.dirOf(name), async () => {
      if (this.isInUse(name)) return false;
      await this.#trash.discard(this.dirOf(name));
      return true;
    });
  }
}

async function statIfThere(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
