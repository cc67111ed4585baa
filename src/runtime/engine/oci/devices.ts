import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { type DeviceMapping, RuntimeError } from "../../index.ts";
import type { DeviceNumbers } from "./resources.ts";
import type { OciDevice, OciDeviceRule } from "./types.ts";

export interface FoundDevices {
  readonly devices: readonly OciDevice[];
  readonly rules: readonly OciDeviceRule[];
}

/** The nodes that mappings name, a folder's one by one; `invalid` when a path is no device. */
export async function findDevices(mappings: readonly DeviceMapping[]): Promise<FoundDevices> {
  const found = await Promise.all(mappings.map(devicesOf));
  return { devices: found.flatMap((one) => one.devices), rules: found.flatMap((one) => one.rules) };
}

async function devicesOf({ hostPath, containerPath, permissions }: DeviceMapping): Promise<FoundDevices> {
  const nodes = await nodesBelow(hostPath, containerPath === "" ? hostPath : containerPath).catch((cause) => {
    throw new RuntimeError(
      "invalid",
      `error gathering device information while adding custom device "${hostPath}": no such file or directory`,
      { cause, exitCode: 128 },
    );
  });
  if (nodes.length === 0)
    throw new RuntimeError(
      "invalid",
      `error gathering device information while adding custom device "${hostPath}": not a device node`,
      { exitCode: 128 },
    );
  const access = permissions === "" ? "rwm" : permissions;
  const rules = nodes.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access }));
  return { devices: nodes, rules };
}

/** What Docker leaves out of a privileged container's /dev. */
const NOT_SHARED: ReadonlySet<string> = new Set([
  "pts",
  "shm",
  "fd",
  "mqueue",
  ".lxc",
  ".lxd-mounts",
  ".udev",
  "console",
]);

/** Every device of the machine, for a privileged container. */
export async function allDevices(): Promise<readonly OciDevice[]> {
  return nodesBelow("/dev", "/dev");
}

async function nodesBelow(hostPath: string, containerPath: string): Promise<readonly OciDevice[]> {
  const found = await stat(hostPath);
  if (found.isDirectory()) {
    const entries = await readdir(hostPath, { withFileTypes: true });
    const wanted = entries.filter((entry) => !entry.isSymbolicLink() && !NOT_SHARED.has(entry.name));
    const below = wanted.map((entry) =>
      nodesBelow(join(hostPath, entry.name), join(containerPath, entry.name)).catch(() => []),
    );
    return (await Promise.all(below)).flat();
  }
  if (!found.isCharacterDevice() && !found.isBlockDevice()) return [];
  const { mode, uid, gid, rdev } = found;
  const type = found.isBlockDevice() ? "b" : "c";
  return [{ path: containerPath, type, ...splitDevice(rdev), fileMode: mode & 0o777, uid, gid }];
}

/** Major and minor of the block devices that limits name; `invalid` when a path is none. */
export async function deviceNumbers(paths: readonly string[]): Promise<DeviceNumbers> {
  return new Map(
    await Promise.all(
      paths.map(async (path) => {
        const node = await stat(path).catch(() => {
          throw new RuntimeError("invalid", `stat ${path}: no such file or directory`, { exitCode: 127 });
        });
        if (!node.isBlockDevice())
          throw new RuntimeError("invalid", `${path} is no block device: it has no rate and no weight`, {
            exitCode: 128,
          });
        return [path, splitDevice(node.rdev)] as const;
      }),
    ),
  );
}

/** A device number as glibc packs it. */
export function splitDevice(rdev: number): { readonly major: number; readonly minor: number } {
  const value = BigInt(rdev);
  return {
    major: Number(((value >> 8n) & 0xfffn) | ((value >> 32n) & ~0xfffn)),
    minor: Number((value & 0xffn) | ((value >> 12n) & 0xffffff00n)),
  };
}
