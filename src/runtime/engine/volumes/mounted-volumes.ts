import { createHash } from "node:crypto";
import { fstatSync, readFileSync, statSync } from "node:fs";
import { mkdir, rmdir, unlink, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { DriverMount } from "./driver-options.ts";

/** The mounts that volumes need on the host, besides those into containers. */
export class MountedVolumes {
  readonly #layout: DiskLayout;
  readonly #host: Host;

  constructor(layout: DiskLayout, host: Host) {
    this.#layout = layout;
    this.#host = host;
  }

  /** Again is a no-op. */
  async mountDriver(name: string, mount: DriverMount, dataDir: string): Promise<void> {
    if (isMountPoint(dataDir)) return;
    try {
      if (mount.kind === "bind")
        await this.#host.bindMount(mount.device, dataDir, {
          readOnly: mount.isReadOnly,
          recursive: mount.isRecursive,
        });
      else await this.#host.mount(mount.type, mount.device, dataDir, mount.options);
    } catch (error) {
      throw new RuntimeError(
        "unavailable",
        `failed to mount local volume "${name}": ${mount.device} on ${dataDir}`,
        {
          cause: error,
        },
      );
    }
  }

  async unmountDriver(dataDir: string): Promise<void> {
    if (isMountPoint(dataDir)) await this.#host.unmount(dataDir, { lazy: true });
  }

  /** A part of a volume, held open: a link that takes its place is not followed. Resolves to where it is mounted. */
  async mountSubpath(name: string, dataDir: string, subpath: string): Promise<string> {
    const target = this.#subpathTarget(name, subpath);
    using root = new ContainerRoot(dataDir);
    const place = root.locate(subpath);
    if (place.stat === undefined)
      throw new RuntimeError(
        "not-found",
        `cannot access path ${subpath} in volume ${name}: no such file or directory`,
      );
    const part = root.open(place);
    const wanted = fstatSync(part);
    if (isMountPoint(target)) {
      const is = statSync(target);
      if (is.ino === wanted.ino && is.dev === wanted.dev) return target;
      await this.#host.unmount(target, { lazy: true });
    }
    await removeMountPoint(target);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    if (wanted.isDirectory()) await mkdir(target, { mode: 0o700 });
    else await writeFile(target, "", { mode: 0o600 });
    await this.#host.bindMount(`/proc/${process.pid}/fd/${part}`, target, { recursive: true });
    return target;
  }

  /** All parts of a volume that nobody uses any more. */
  async unmountSubpaths(name: string): Promise<void> {
    await this.#unmountSubpathsOf((other) => other === name);
  }

  /** After a crash: parts of volumes that nobody runs with. */
  async unmountSubpathsExcept(inUse: readonly string[]): Promise<void> {
    await this.#unmountSubpathsOf((name) => !inUse.includes(name));
  }

  async #unmountSubpathsOf(isMeant: (name: string) => boolean): Promise<void> {
    const { subpathsDir } = this.#layout;
    for (const target of mountPoints()) {
      const [name = ""] = relative(subpathsDir, target).split("/");
      if (name === "" || name === ".." || !isMeant(name)) continue;
      await this.#host.unmount(target, { lazy: true });
      await removeMountPoint(target);
      await rmdir(dirname(target)).catch(() => undefined);
    }
    await rmdir(subpathsDir).catch(() => undefined);
  }

  #subpathTarget(name: string, subpath: string): string {
    const key = createHash("sha256").update(subpath).digest("hex").slice(0, 32);
    return join(this.#layout.subpathsDir, name, key);
  }
}

/** An empty folder or file: should something still be mounted there, it is not ours to delete. */
async function removeMountPoint(path: string): Promise<void> {
  await rmdir(path)
    .catch(() => unlink(path))
    .catch(() => undefined);
}

export function isMountPoint(path: string): boolean {
  return mountPoints().includes(path);
}

/** As /proc/self/mountinfo has them, octal escapes undone. */
function mountPoints(): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4] ?? "")
    .map((path) =>
      path.replace(/\\(\d{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8))),
    );
}
