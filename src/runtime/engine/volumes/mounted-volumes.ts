import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

  /** A part of a volume, pinned where no link in the volume can move it. Resolves to where it is mounted. */
  async mountSubpath(name: string, dataDir: string, subpath: string): Promise<string> {
    const target = this.#subpathTarget(name, subpath);
    using root = new ContainerRoot(dataDir);
    const place = root.locate(subpath);
    if (place.stat === undefined)
      throw new RuntimeError(
        "not-found",
        `cannot access path ${subpath} in volume ${name}: no such file or directory`,
      );
    if (isMountPoint(target)) {
      const [is, wanted] = [statSync(target), place.stat];
      if (is.ino === wanted.ino && is.dev === wanted.dev) return target;
      await this.#host.unmount(target, { lazy: true });
    }
    await rm(target, { recursive: true, force: true });
    await mkdir(this.#layout.subpathsDir, { recursive: true, mode: 0o700 });
    if (place.stat.isDirectory()) await mkdir(target, { mode: 0o700 });
    else await writeFile(target, "", { mode: 0o600 });
    await this.#host.bindMount(place.path, target, { recursive: true });
    return target;
  }

  async unmountSubpath(name: string, subpath: string): Promise<void> {
    const target = this.#subpathTarget(name, subpath);
    if (isMountPoint(target)) await this.#host.unmount(target, { lazy: true });
    await rm(target, { force: true, recursive: true });
    await rmdir(this.#layout.subpathsDir).catch(() => undefined);
  }

  /** After a crash: mounts of parts that nobody runs with any more. */
  async unmountSubpathsExcept(inUse: ReadonlySet<string>): Promise<void> {
    for (const target of mountPoints())
      if (target.startsWith(`${this.#layout.subpathsDir}/`) && !inUse.has(target)) {
        await this.#host.unmount(target, { lazy: true });
        await rm(target, { force: true, recursive: true });
      }
  }

  #subpathTarget(name: string, subpath: string): string {
    const key = createHash("sha256").update(`${name}\0${subpath}`).digest("hex").slice(0, 32);
    return join(this.#layout.subpathsDir, key);
  }
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
