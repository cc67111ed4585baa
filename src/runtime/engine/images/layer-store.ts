import { randomBytes } from "node:crypto";
import type { Stats } from "node:fs";
import { chmod, chown, lstat, mkdir, readdir, readFile, rename, utimes } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import type { Readable } from "node:stream";
import { readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Trash } from "../rootfs/index.ts";
import {
  type LayerContent,
  lookBelow,
  openFolderBelow,
  spreadFolders,
  startTool,
  unpackLayer,
} from "../rootfs/index.ts";
import { chainIdOf, type Digest, DigestMeter, hexOf } from "./digest.ts";
import { JsonShape } from "./json-shape.ts";

export interface LayerInfo {
  readonly chainId: Digest;
  readonly diffId: Digest;
  readonly parentChainId?: Digest;
  /** Sum of the sizes of its files. */
  readonly sizeBytes: number;
}

/** Unpacked, but not yet where layers are. Whoever has it places or discards it. */
export interface StagedLayer {
  readonly dir: string;
  readonly diffId: Digest;
  readonly content: LayerContent;
}

interface StoredLayer extends LayerInfo {
  /** Since which the machine has not been switched off; a layer not yet synced does not outlive it. */
  readonly bootId: string;
  readonly isDurable: boolean;
}

const SYNC_AFTER_MS = 5000;

/**
 * Unpacked layers, each a lower folder for overlayfs, by chain id. They are a cache of the blobs: one that is
 * missing, or that a power cut may have torn, is unpacked again when it is wanted.
 */
export class LayerStore {
  readonly #layout: DiskLayout;
  readonly #trash: Trash;
  readonly #bootId: string;
  readonly #layers = new Map<Digest, LayerInfo>();
  readonly #locks = new KeyedMutex();
  readonly #unsynced = new Set<Digest>();
  #syncTimer: NodeJS.Timeout | undefined;

  private constructor(layout: DiskLayout, trash: Trash, bootId: string) {
    this.#layout = layout;
    this.#trash = trash;
    this.#bootId = bootId;
  }

  static async open(layout: DiskLayout, trash: Trash): Promise<LayerStore> {
    await mkdir(layout.layersDir, { recursive: true, mode: 0o700 });
    const bootId = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
    const store = new LayerStore(layout, trash, bootId);
    const spread = spreadFolders(layout.temporaryDir);
    for (const name of await readdir(layout.layersDir)) await store.#adopt(name);
    await spread;
    return store;
  }

  async #adopt(name: string): Promise<void> {
    const stored = await readStored(join(this.#layout.layersDir, name, "layer.json"));
    const isThere = await lstat(join(this.#layout.layersDir, name, "diff")).then(
      () => true,
      () => false,
    );
    const isSound = stored !== undefined && isThere && (stored.isDurable || stored.bootId === this.#bootId);
    if (!isSound) return this.#trash.discard(join(this.#layout.layersDir, name));
    this.#layers.set(stored.chainId, stored);
    if (!stored.isDurable) this.#syncLater(stored.chainId);
  }

  get(chainId: Digest): LayerInfo | undefined {
    return this.#layers.get(chainId);
  }

  all(): readonly LayerInfo[] {
    return [...this.#layers.values()];
  }

  dirOf(chainId: Digest): string {
    return join(this.#layout.layersDir, hexOf(chainId), "diff");
  }

  /** One caller at a time for a chain id. */
  exclusively<T>(chainId: Digest, action: () => Promise<T>): Promise<T> {
    return this.#locks.run(chainId, action);
  }

  /** Unpacks an uncompressed tar beside. `expected`: `invalid` when it has another digest. */
  async stage(
    tar: Readable,
    options: {
      readonly expected?: Digest;
      /** Of the tar. */
      readonly maxBytes?: number;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<StagedLayer> {
    const staging = join(this.#layout.temporaryDir, `layer-${randomBytes(8).toString("hex")}`);
    const dir = join(staging, "diff");
    await mkdir(dir, { recursive: true, mode: 0o755 });
    try {
      const meter = new DigestMeter(options.maxBytes);
      const content = await unpackLayer([tar, meter], dir, {
        jailDir: join(this.#layout.temporaryDir, "jail"),
        signal: options.signal,
      });
      const diffId = meter.digest();
      if (options.expected !== undefined && options.expected !== diffId)
        throw new RuntimeError(
          "invalid",
          `Layer has the digest ${diffId}, not ${options.expected} as stated`,
        );
      return { dir, diffId, content };
    } catch (error) {
      tar.destroy();
      await this.#trash.discard(staging);
      throw error;
    }
  }

  /** Takes over a folder that already has overlayfs's form; it must lie on the same file system. */
  async stageFolder(dir: string, diffId: Digest, sizeBytes: number): Promise<StagedLayer> {
    const staging = join(this.#layout.temporaryDir, `layer-${randomBytes(8).toString("hex")}`);
    await mkdir(staging, { mode: 0o755 });
    await rename(dir, join(staging, "diff"));
    const content = { entries: 0, sizeBytes, impliedFolders: [], whiteouts: [], opaqueFolders: [] };
    return { dir: join(staging, "diff"), diffId, content };
  }

  async discard(staged: StagedLayer): Promise<void> {
    await this.#trash.discard(dirname(staged.dir));
  }

  /** Makes it the layer on top of `parentChainId`. One that is there already wins. */
  async place(staged: StagedLayer, parentChainId: Digest | undefined): Promise<LayerInfo> {
    const chainId = chainIdOf(parentChainId, staged.diffId);
    return this.exclusively(chainId, async () => {
      const present = this.#layers.get(chainId);
      if (present !== undefined) {
        await this.discard(staged);
        return present;
      }
      await this.#inheritFolders(staged, parentChainId);
      const info: LayerInfo = {
        chainId,
        diffId: staged.diffId,
        ...(parentChainId === undefined ? {} : { parentChainId }),
        sizeBytes: staged.content.sizeBytes,
      };
      const stored: StoredLayer = { ...info, bootId: this.#bootId, isDurable: false };
      const staging = dirname(staged.dir);
      await writeStored(staging, stored, false);
      await rename(staging, dirname(this.dirOf(chainId)));
      this.#layers.set(chainId, info);
      this.#syncLater(chainId);
      return info;
    });
  }

  /**
   * A folder that a layer only passes through looks as it does below; unpacking alone would give it to root
   * with mode 0755 and hide what the layer below says. No link of the layer's is followed on the way.
   */
  async #inheritFolders(staged: StagedLayer, parentChainId: Digest | undefined): Promise<void> {
    const names = [...staged.content.impliedFolders].sort((a, b) => a.length - b.length);
    const newNames = new Set<string>();
    for (const name of names) {
      const path = Buffer.from(name, "latin1");
      // In a new folder everything is new.
      const isNew = newNames.has(posix.dirname(name));
      const below = isNew ? undefined : await this.#statBelow(path, parentChainId);
      if (below === undefined) {
        newNames.add(name);
        continue;
      }
      const folder = await openFolderBelow(staged.dir, path);
      if (folder === undefined) continue;
      try {
        await chown(folder.path, below.uid, below.gid);
        await chmod(folder.path, below.mode & 0o7777);
        await utimes(folder.path, below.atime, below.mtime);
      } finally {
        await folder.close();
      }
    }
  }

  async #statBelow(path: Buffer, chainId: Digest | undefined): Promise<Stats | undefined> {
    for (let at = chainId; at !== undefined; at = this.#layers.get(at)?.parentChainId) {
      const found = await lookBelow(this.dirOf(at), path);
      if (found !== undefined) return found.isDirectory() ? found : undefined;
    }
    return undefined;
  }

  /** Whether it was free. Asked in the same moment as it goes: who holds it before that and finds it here keeps it. */
  async removeIf(chainId: Digest, isFree: () => boolean): Promise<boolean> {
    return this.exclusively(chainId, async () => {
      if (!isFree()) return false;
      this.#layers.delete(chainId);
      this.#unsynced.delete(chainId);
      await this.#trash.discard(dirname(this.dirOf(chainId)));
      return true;
    });
  }

  #syncLater(chainId: Digest): void {
    this.#unsynced.add(chainId);
    this.#syncTimer ??= setTimeout(() => {
      this.#syncTimer = undefined;
      this.#sync().catch(() => {});
    }, SYNC_AFTER_MS).unref();
  }

  async #sync(): Promise<void> {
    const chainIds = [...this.#unsynced];
    this.#unsynced.clear();
    const tool = startTool(["sync", "--file-system", this.#layout.layersDir]);
    tool.stdout.resume();
    await tool.ended;
    for (const chainId of chainIds) {
      const info = this.#layers.get(chainId);
      if (info === undefined) continue;
      await writeStored(
        dirname(this.dirOf(chainId)),
        { ...info, bootId: this.#bootId, isDurable: true },
        true,
      );
    }
  }
}

async function writeStored(dir: string, stored: StoredLayer, isDurable: boolean): Promise<void> {
  await writeFileAtomically(join(dir, "layer.json"), `${JSON.stringify(stored, undefined, 2)}\n`, {
    isDurable,
  });
}

async function readStored(path: string): Promise<StoredLayer | undefined> {
  const text = await readFileIfThere(path);
  if (text === undefined) return undefined;
  try {
    const shape = JsonShape.parse(text, path);
    const parentChainId = shape.text("parentChainId");
    return {
      chainId: shape.requiredText("chainId"),
      diffId: shape.requiredText("diffId"),
      ...(parentChainId === undefined ? {} : { parentChainId }),
      sizeBytes: shape.number("sizeBytes") ?? 0,
      bootId: shape.requiredText("bootId"),
      isDurable: shape.flag("isDurable"),
    };
  } catch {
    return undefined;
  }
}
