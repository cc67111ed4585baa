import { createHash } from "node:crypto";
import { join } from "node:path";

/** Every path the engine uses; no other file joins one to the root. */
export interface DiskLayout {
  /** State that survives a reboot. */
  readonly rootDir: string;
  /** Sockets, locks, pid files, mounts: gone after a reboot. */
  readonly runDir: string;
  /**
   * Eight hex digits of the root's path. Names everything of ours that is global to the machine (bridges, nft
   * table, cgroups), so that daemons with different roots never touch each other's.
   */
  readonly instance: string;
  /** OCI image layout: `blobs/sha256/<hex>`. */
  readonly contentDir: string;
  /** `<chain id hex>/{diff,...}`: unpacked layers. */
  readonly layersDir: string;
  /** References, and what is known of each image. */
  readonly imagesDir: string;
  readonly buildCacheDir: string;
  /** Where unfinished downloads and unpackings live; emptied at start. */
  readonly temporaryDir: string;
  readonly volumesDir: string;
  /** Where parts of volumes are mounted while a container uses them. */
  readonly subpathsDir: string;
  readonly networksDir: string;
  readonly containersDir: string;
  containerDir(id: string): string;
  /** Of all containers. */
  readonly rootfsDir: string;
  readonly mountsDir: string;
  /** Writable layer: `upper`, `work`, `init`. */
  containerRootfsDir(id: string): string;
  /** Merged overlay mount point. */
  mountPoint(id: string): string;
  /** OCI bundle, monitor's sockets and pid files. */
  bundleDir(id: string): string;
  netnsPath(id: string): string;
  /** conmon's `--exit-dir`. */
  readonly exitsDir: string;
  /** `--root` of the OCI runtime. */
  readonly ociStateDir: string;
  /** Links to programs that this daemon holds in memory. */
  readonly programsDir: string;
  readonly dnsDir: string;
  /** Interfaces that did not forward to each other before the engine made the machine forward. */
  readonly strangersPath: string;
  readonly socketPath: string;
  /** By which the daemons of a machine, whatever their roots, give out addresses in turn. */
  readonly subnetsLockPath: string;
}

export function diskLayout(rootDir: string, runDir: string): DiskLayout {
  const containersDir = join(rootDir, "containers");
  const rootfsDir = join(rootDir, "rootfs");
  const mountsDir = join(runDir, "mounts");
  return {
    rootDir,
    runDir,
    instance: createHash("sha256").update(rootDir).digest("hex").slice(0, 8),
    contentDir: join(rootDir, "content"),
    layersDir: join(rootDir, "layers"),
    imagesDir: join(rootDir, "images"),
    buildCacheDir: join(rootDir, "build-cache"),
    temporaryDir: join(rootDir, "tmp"),
    volumesDir: join(rootDir, "volumes"),
    subpathsDir: join(runDir, "subpaths"),
    networksDir: join(rootDir, "networks"),
    containersDir,
    containerDir: (id) => join(containersDir, id),
    rootfsDir,
    mountsDir,
    containerRootfsDir: (id) => join(rootfsDir, id),
    mountPoint: (id) => join(mountsDir, id),
    bundleDir: (id) => join(runDir, "bundles", id),
    netnsPath: (id) => join(runDir, "netns", id),
    exitsDir: join(runDir, "exits"),
    ociStateDir: join(runDir, "oci"),
    programsDir: join(runDir, "programs"),
    dnsDir: join(runDir, "dns"),
    strangersPath: join(runDir, "strangers.json"),
    socketPath: join(runDir, "stowage.sock"),
    subnetsLockPath: "/run/stowage-subnets.lock",
  };
}
