import { randomBytes } from "node:crypto";
import { chmod, chown, lstat, mkdir, readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import { adoptUpper, type Digest, type ImageContext, type ImageLayer, type Lease } from "../images/index.ts";
import { initLayer, type Trash } from "../rootfs/index.ts";

interface Machine {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly trash: Trash;
}

/** The file system in which one step of a build works: all layers so far, and a new one on top. */
export class StepRootfs {
  readonly merged: string;
  readonly #machine: Machine;
  readonly #dir: string;
  #isMounted = true;

  private constructor(machine: Machine, dir: string, merged: string) {
    this.#machine = machine;
    this.#dir = dir;
    this.merged = merged;
  }

  /**
   * `layerDirs` topmost first. Only what an OCI runtime starts in has the files and folders that one mounts on: any
   * other step sees the image as it is. A crash leaves what the root file systems' recovery removes.
   */
  static async open(
    machine: Machine,
    layerDirs: readonly string[],
    { isRun = false }: { readonly isRun?: boolean } = {},
  ): Promise<StepRootfs> {
    const id = `build-${randomBytes(8).toString("hex")}`;
    const { layout, host } = machine;
    const dir = layout.containerRootfsDir(id);
    const merged = layout.mountPoint(id);
    await mkdir(join(dir, "upper"), { recursive: true, mode: 0o755 });
    await mkdir(join(dir, "work"), { mode: 0o700 });
    await mkdir(merged, { recursive: true, mode: 0o700 });
    const lower = [...layerDirs];
    if (isRun) lower.unshift(await initLayer({ id, config: {}, os: "", architecture: "", layerDirs }, dir));
    if (lower.length === 0) {
      const empty = join(dir, "empty");
      await mkdir(empty, { mode: 0o755 });
      lower.push(empty);
    }
    const root = layerDirs[0] === undefined ? undefined : await lstat(layerDirs[0]);
    if (root !== undefined) {
      await chown(join(dir, "upper"), root.uid, root.gid);
      await chmod(join(dir, "upper"), root.mode & 0o7777);
    }
    await host.mountOverlay({
      lower,
      upper: join(dir, "upper"),
      work: join(dir, "work"),
      target: merged,
      // What a power cut could tear here is thrown away then anyway.
      volatile: true,
    });
    return new StepRootfs(machine, dir, merged);
  }

  /** What the step changed as a layer; undefined when it changed nothing. The step's file system is gone then. */
  async commit(
    context: ImageContext,
    options: {
      readonly parentChainId: Digest | undefined;
      readonly lease: Lease;
      readonly signal?: AbortSignal | undefined;
    },
  ): Promise<ImageLayer | undefined> {
    await this.#unmount();
    const upper = join(this.#dir, "upper");
    const isEmpty = (await readdir(upper)).length === 0;
    const layer = isEmpty ? undefined : await adoptUpper(context, upper, options);
    await this.close();
    return layer;
  }

  async close(): Promise<void> {
    await this.#unmount();
    await this.#machine.trash.discard(this.#dir);
  }

  async #unmount(): Promise<void> {
    if (!this.#isMounted) return;
    this.#isMounted = false;
    await unmount(this.#machine.host, this.merged);
  }
}

/** Layers to read from, as one folder. */
export async function openView(
  machine: Machine,
  layerDirs: readonly string[],
): Promise<{ readonly dir: string; close(): Promise<void> }> {
  const [first, second] = layerDirs;
  const target = machine.layout.mountPoint(`build-view-${randomBytes(8).toString("hex")}`);
  // One layer, or none, is what it shows already.
  if (first !== undefined && second === undefined) return { dir: first, close: async () => {} };
  await mkdir(target, { recursive: true, mode: 0o700 });
  if (first === undefined) return { dir: target, close: () => rmdir(target) };
  await machine.host.mountOverlay({ lower: layerDirs, target });
  return { dir: target, close: () => unmount(machine.host, target) };
}

async function unmount(host: Host, target: string): Promise<void> {
  await host.unmount(target).catch(() => host.unmount(target, { lazy: true }));
  await rmdir(target).catch(() => {});
}
