import { closeSync, constants, fstatSync, mkdirSync, openSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import { hasKind } from "../../index.ts";
import type { Host } from "../host.ts";
import { startError } from "../oci/failure.ts";
import type { OciMount } from "../oci/types.ts";
import { ContainerRoot, type Place } from "./rooted-path.ts";

const O_PATH = 0o10000000;
/** The OCI runtime mounts these itself, over whatever was there. */
const KERNELS = ["/proc", "/dev", "/sys"] as const;

export interface NestedMounts {
  /** For the OCI runtime: what has not been mounted in the root already. */
  readonly left: readonly OciMount[];
  /** When the OCI runtime has made its copy of the root, or never will. Again is a no-op. */
  detach(): Promise<void>;
}

/**
 * Mounts that lie in others (`/data` and `/data/cache`), in their order. What is in a volume may be changed by
 * another container at any time, and runc before 1.1.14 makes a missing mount point by its path: led by a link that
 * was swapped in at the right moment, it makes folders anywhere on the machine (CVE-2024-45310). So these are mounted
 * here, each on a descriptor that was reached inside the root, and the runtime is given the root with them in it.
 * What is shared with the machine (`rshared`, `rslave`) has to be the runtime's to mount.
 */
export async function mountNested(
  host: Host,
  runtimeName: string,
  { rootfsDir, mounts }: { readonly rootfsDir: string; readonly mounts: readonly OciMount[] },
): Promise<NestedMounts> {
  const nested = nestedAmong(rootfsDir, mounts);
  const withModes = (left: readonly OciMount[]) => withFoldersModes(rootfsDir, left);
  /** Nothing that is mounted lies on the way there: no path of these can be led elsewhere. */
  const tops: string[] = [];
  const detach = async () => {
    for (const path of tops.splice(0)) await host.unmount(join(rootfsDir, path), { lazy: true });
  };
  if (nested.length === 0) return { left: withModes(mounts), detach };
  await host.makePrivate(rootfsDir);
  for (const { mount } of nested)
    try {
      const path = await attach(host, rootfsDir, mount);
      if (path === undefined) return { left: withModes(mounts), detach };
      if (!tops.some((top) => isBelow(path, top))) tops.push(path);
    } catch (error) {
      await detach();
      throw startError({ runtimeName, message: failureText(mount, error) });
    }
  const done = new Set(nested.map(({ mount }) => mount));
  return { left: withModes(mounts.filter((mount) => !done.has(mount))), detach };
}

/** As runc does, and crun does not: a folder that is there gives a tmpfs its mode, unless that is given. */
function withFoldersModes(rootfsDir: string, mounts: readonly OciMount[]): readonly OciMount[] {
  using root = new ContainerRoot(rootfsDir);
  return mounts.map((mount) => {
    const { type, destination, options } = mount;
    if (type !== "tmpfs" || KERNELS.some((kernel) => destination === kernel || isBelow(destination, kernel)))
      return mount;
    const mode = folderMode(root, destination);
    return mode === undefined ? mount : { ...mount, options: [mode, ...options] };
  });
}

function folderMode(root: ContainerRoot, path: string): string | undefined {
  try {
    const { stat } = root.locate(path);
    return stat === undefined ? undefined : modeOption(stat);
  } catch (error) {
    if (!hasKind(error, "not-found")) throw error;
    return undefined;
  }
}

function modeOption({ mode }: { readonly mode: number }): string {
  return `mode=${(mode & 0o7777).toString(8)}`;
}

interface Nested {
  readonly mount: OciMount;
  /** Where it goes in the root, links of the image followed. */
  readonly path: string;
}

/** All mounts of those trees in which something lies in a folder or file of the machine's. */
function nestedAmong(rootfsDir: string, mounts: readonly OciMount[]): readonly Nested[] {
  if (mounts.some(({ options }) => options.some((option) => /^r?(?:shared|slave)$/.test(option)))) return [];
  using root = new ContainerRoot(rootfsDir);
  const all = mounts
    .filter(({ type }) => type === "bind" || type === "tmpfs")
    .map((mount) => ({ mount, path: whereIn(root, posix.normalize(mount.destination)) }))
    .filter(({ path }) => !KERNELS.some((kernel) => path === kernel || isBelow(path, kernel)));
  const hosts = all.filter(
    ({ mount, path }) => mount.type === "bind" && all.some((other) => isBelow(other.path, path)),
  );
  const tops = all.filter(({ path }) => hosts.some((host) => host.path === path || isBelow(host.path, path)));
  return all.filter(({ path }) => tops.some((top) => top.path === path || isBelow(path, top.path)));
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

/** What is missing of the path is taken as it is written. */
function whereIn(root: ContainerRoot, path: string): string {
  try {
    return root.locate(path).insidePath;
  } catch (error) {
    if (!hasKind(error, "not-found") || path === "/") throw error;
    return posix.join(whereIn(root, posix.dirname(path)), posix.basename(path));
  }
}

/** Where it was mounted; undefined when this host cannot. */
async function attach(host: Host, rootfsDir: string, mount: OciMount): Promise<string | undefined> {
  const isFolder = mount.type === "tmpfs" || statSync(mount.source).isDirectory();
  // Opened anew each time: it is entered through what is mounted by now.
  using root = new ContainerRoot(rootfsDir);
  const place = root.locate(mount.destination, { makeFolders: true });
  const target = openTarget(place, isFolder);
  try {
    const mode = mount.type === "tmpfs" && place.stat !== undefined ? [modeOption(place.stat)] : [];
    const isAttached = await host.attachMount({ ...mount, options: [...mode, ...mount.options] }, target);
    return isAttached ? place.insidePath : undefined;
  } finally {
    closeSync(target);
  }
}

/** Made where it is missing, as the OCI runtime would. */
function openTarget({ path, stat }: Place, isFolder: boolean): number {
  if (stat === undefined && isFolder) mkdirSync(path, 0o755);
  if (stat === undefined && !isFolder) closeSync(openSync(path, "wx", 0o755));
  const target = openSync(path, O_PATH | constants.O_NOFOLLOW);
  const found = fstatSync(target);
  if (!found.isSymbolicLink() && found.isDirectory() === isFolder) return target;
  closeSync(target);
  throw new Error(found.isSymbolicLink() ? "it was replaced by a link meanwhile" : OF_ANOTHER_KIND);
}

/** Docker's own advice. */
const OF_ANOTHER_KIND =
  "not a directory: unknown: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

function failureText({ source, destination }: OciMount, error: unknown): string {
  const detail = error instanceof Error ? error.message : String(error);
  return `error mounting "${source}" to rootfs at "${destination}": ${detail}`;
}
