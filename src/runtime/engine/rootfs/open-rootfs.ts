import { createHash } from "node:crypto";
import { chmod, lstat, mkdir, readdir, readFile, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isMissing, readFileIfThere } from "../../../lib/atomic-file.ts";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { ResolvedImage, RootfsPart } from "../parts.ts";
import { changesOf } from "./changes.ts";
import { diffTar } from "./diff-tar.ts";
import { fileBytes } from "./file-bytes.ts";
import { initLayer, MOUNT_ROOTS } from "./init-layer.ts";
import { Trash } from "./trash.ts";

export interface RootfsOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
}

/** Writable layers below a data root. `recover` before the first use after a start. */
export async function openRootfs({ layout, host }: RootfsOptions): Promise<RootfsPart> {
  await mkdir(layout.temporaryDir, { recursive: true, mode: 0o700 });
  return new OverlayRootfs(layout, host, await Trash.open(layout.temporaryDir));
}

class OverlayRootfs implements RootfsPart {
  readonly #layout: DiskLayout;
  readonly #host: Host;
  readonly #trash: Trash;
  readonly #mounted = new Set<string>();
  readonly #locks = new KeyedMutex();

  constructor(layout: DiskLayout, host: Host, trash: Trash) {
    this.#layout = layout;
    this.#host = host;
    this.#trash = trash;
  }

  async prepare(id: string, image: ResolvedImage): Promise<void> {
    const dir = this.#layout.containerRootfsDir(id);
    await mkdir(dir, { recursive: true, mode: 0o700 });
    await mkdir(join(dir, "work"), { recursive: true, mode: 0o700 });
    const upper = this.#upper(id);
    const isNew = (await mkdir(upper, { recursive: true })) !== undefined;
    await initLayer(image, dir);
    // As in Docker, `/` is everybody's to read whatever the image says: archives of private folders are common.
    if (isNew) await chmod(upper, 0o755);
  }

  mount(id: string, image: ResolvedImage): Promise<string> {
    return this.#locks.run(id, async () => {
      const target = this.#layout.mountPoint(id);
      if (this.#mounted.has(id)) return target;
      const dir = this.#layout.containerRootfsDir(id);
      await mkdir(target, { recursive: true, mode: 0o700 });
      await this.#host.mountOverlay({
        lower: [await initLayer(image, dir), ...image.layerDirs],
        upper: this.#upper(id),
        work: join(dir, "work"),
        target,
      });
      this.#mounted.add(id);
      try {
        await refuseLinks(id, target);
      } catch (error) {
        await this.#detach(id);
        throw error;
      }
      return target;
    });
  }

  unmount(id: string): Promise<void> {
    return this.#locks.run(id, () => this.#detach(id));
  }

  #detach(id: string): Promise<void> {
    return this.#detachFrom(this.#layout.mountPoint(id), id);
  }

  async #detachFrom(target: string, key: string): Promise<void> {
    await this.#host.unmount(target).catch(() => this.#host.unmount(target, { lazy: true }));
    this.#mounted.delete(key);
    await rmdir(target).catch((error) => {
      if (!isMissing(error)) throw error;
    });
  }

  imageMountPoint(id: string, target: string): string {
    const key = createHash("sha256").update(target).digest("hex").slice(0, 16);
    return this.#layout.mountPoint(`${id}.${key}`);
  }

  mountImage(id: string, target: string, image: ResolvedImage): Promise<string> {
    const folder = this.imageMountPoint(id, target);
    return this.#locks.run(folder, async () => {
      if (this.#mounted.has(folder)) return folder;
      await mkdir(folder, { recursive: true, mode: 0o700 });
      // A read-only overlay wants two lower folders at least.
      const bottom = join(this.#layout.containerRootfsDir(id), "empty");
      await mkdir(bottom, { recursive: true, mode: 0o755 });
      if (image.layerDirs.length === 0) await this.#host.bindMount(bottom, folder, { readOnly: true });
      else await this.#host.mountOverlay({ lower: [...image.layerDirs, bottom], target: folder });
      this.#mounted.add(folder);
      return folder;
    });
  }

  unmountImage(id: string, target: string): Promise<void> {
    const folder = this.imageMountPoint(id, target);
    return this.#locks.run(folder, () => this.#detachFrom(folder, folder));
  }

  remove(id: string): Promise<void> {
    return this.#locks.run(id, async () => {
      await this.#detach(id);
      await this.#trash.discard(this.#layout.containerRootfsDir(id));
    });
  }

  async changes(id: string, image: ResolvedImage) {
    // The image alone, to compare with: only the kernel knows what lower layers hide from each other.
    const base = join(this.#layout.runDir, "mounts", `${id}.base`);
    return this.#locks.run(`${id}.base`, async () => {
      const wasMounted = this.#mounted.has(id);
      const merged = await this.mount(id, image);
      await mkdir(base, { recursive: true, mode: 0o700 });
      try {
        const init = await initLayer(image, this.#layout.containerRootfsDir(id));
        // A read-only overlay wants two lower folders at least; the init layer alone would be one.
        const lower = [init, ...(image.layerDirs.length === 0 ? [init] : image.layerDirs)];
        if (image.layerDirs.length === 0) await this.#host.bindMount(init, base, { readOnly: true });
        else await this.#host.mountOverlay({ lower, target: base });
        return await changesOf({ upper: this.#upper(id), base, merged });
      } finally {
        await this.#host.unmount(base, { lazy: true });
        await rmdir(base);
        if (!wasMounted) await this.unmount(id);
      }
    });
  }

  async diffTar(id: string, _image: ResolvedImage): Promise<NodeJS.ReadableStream> {
    return diffTar(this.#upper(id));
  }

  async sizes(id: string, image: ResolvedImage) {
    const layers = await Promise.all(image.layerDirs.map(layerBytes));
    const writableBytes = await fileBytes(this.#upper(id));
    return { writableBytes, rootfsBytes: layers.reduce((sum, bytes) => sum + bytes, writableBytes) };
  }

  async recover(ids: ReadonlySet<string>): Promise<void> {
    this.#mounted.clear();
    for (const mountPoint of await mountsBelow(join(this.#layout.runDir, "mounts"))) {
      const id = mountPoint.slice(mountPoint.lastIndexOf("/") + 1);
      if (ids.has(id)) this.#mounted.add(id);
      else await this.#host.unmount(mountPoint, { lazy: true });
    }
    for (const name of await namesIn(join(this.#layout.runDir, "mounts"))) {
      if (!this.#mounted.has(name)) await rmdir(this.#layout.mountPoint(name)).catch(() => {});
    }
    for (const name of await namesIn(dirname(this.#layout.containerRootfsDir("x")))) {
      if (!ids.has(name)) await this.#trash.discard(this.#layout.containerRootfsDir(name));
    }
  }

  #upper(id: string): string {
    return join(this.#layout.containerRootfsDir(id), "upper");
  }
}

/** The init layer made them real; what the container did since then may have undone that. */
async function refuseLinks(id: string, merged: string): Promise<void> {
  for (const name of MOUNT_ROOTS) {
    const stat = await lstat(join(merged, name));
    if (!stat.isDirectory())
      throw new RuntimeError("invalid", `Cannot mount the root of "${id}": /${name} in it is no folder`);
  }
}

async function layerBytes(layerDir: string): Promise<number> {
  const text = await readFileIfThere(join(dirname(layerDir), "layer.json"));
  const info: unknown = text === undefined ? undefined : JSON.parse(text);
  const isSized = typeof info === "object" && info !== null && "sizeBytes" in info;
  return isSized && typeof info.sizeBytes === "number" ? info.sizeBytes : 0;
}

/** Mount points directly in a folder. */
async function mountsBelow(dir: string): Promise<readonly string[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  const points = text.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  return points.map(unescaped).filter((point) => dirname(point) === dir);
}

/** The kernel writes blanks and backslashes of a path in octal. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
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
