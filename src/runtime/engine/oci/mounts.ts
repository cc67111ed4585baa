import type { PreparedMount } from "../parts.ts";
import type { OciMount } from "./types.ts";

export interface MountRequest {
  readonly user: readonly PreparedMount[];
  /** Files of ours that go over /etc. */
  readonly etc: { readonly resolvConf: string; readonly hostname: string; readonly hosts: string };
  /** A folder to bind to /dev/shm (shared IPC); a size for one of its own; `none`. */
  readonly shm: { readonly sizeBytes: number } | { readonly source: string } | "none";
  readonly isPrivileged: boolean;
  readonly isReadOnlyRootfs: boolean;
  /** The init process to bind to /sbin/docker-init. */
  readonly initPath?: string;
}

export const INIT_PATH = "/sbin/docker-init";

/** Stay writable on a read-only rootfs. */
const NEVER_READ_ONLY: ReadonlySet<string> = new Set([
  "/proc",
  "/dev",
  "/dev/pts",
  "/dev/shm",
  "/dev/mqueue",
]);

/**
 * All mounts in the order Docker has them (captured from 28.5): kernel file systems, then files over /etc and
 * the user's, shallow targets first, so that a mount never hides a deeper one made before it.
 */
export function ociMounts(request: MountRequest): readonly OciMount[] {
  const theirs = new Set(request.user.map(({ target }) => target));
  const hasOwnDev = theirs.has("/dev");
  const base = kernelMounts(request).filter(
    ({ destination }) => !theirs.has(destination) && !(hasOwnDev && destination.startsWith("/dev/")),
  );
  const added = [
    ...etcMounts(request).filter(({ destination }) => !theirs.has(destination)),
    ...user(request),
  ];
  const sorted = added
    .map((mount, index) => ({ mount, index, depth: depth(mount.destination) }))
    .sort((a, b) => a.depth - b.depth || a.index - b.index)
    .map(({ mount }) => mount);
  return [...base.map((mount) => readOnlyIf(request.isReadOnlyRootfs, mount)), ...sorted];
}

function kernelMounts(request: MountRequest): OciMount[] {
  const access = request.isPrivileged ? [] : ["ro"];
  const cgroup = request.isPrivileged ? ["nosuid", "noexec", "nodev"] : ["ro", "nosuid", "noexec", "nodev"];
  return [
    mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
    mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    mount("/dev/pts", "devpts", "devpts", [
      "nosuid",
      "noexec",
      "newinstance",
      "ptmxmode=0666",
      "mode=0620",
      "gid=5",
    ]),
    mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", ...access]),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", cgroup),
    // Shows the queues of the IPC namespace that it is mounted in, be it the machine's.
    mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
    ...shmMount(request),
  ];
}

function shmMount({ shm }: MountRequest): OciMount[] {
  if (shm === "none") return [];
  if ("source" in shm) return [mount("/dev/shm", "bind", shm.source, ["rbind", "rprivate"])];
  return [
    mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", `size=${shm.sizeBytes}`]),
  ];
}

function etcMounts({ etc, initPath, isReadOnlyRootfs }: MountRequest): OciMount[] {
  const options = isReadOnlyRootfs ? ["rbind", "ro", "rprivate"] : ["rbind", "rprivate"];
  return [
    mount("/etc/resolv.conf", "bind", etc.resolvConf, options),
    mount("/etc/hostname", "bind", etc.hostname, options),
    mount("/etc/hosts", "bind", etc.hosts, options),
    ...(initPath === undefined ? [] : [mount(INIT_PATH, "bind", initPath, ["bind", "ro"])]),
  ];
}

function user(request: MountRequest): OciMount[] {
  return request.user.map(({ type, source, target, options }) => mount(target, type, source, options));
}

function readOnlyIf(isReadOnly: boolean, mount: OciMount): OciMount {
  if (!isReadOnly || NEVER_READ_ONLY.has(mount.destination) || mount.options.includes("ro")) return mount;
  return { ...mount, options: [...mount.options, "ro"] };
}

function mount(destination: string, type: string, source: string, options: readonly string[]): OciMount {
  return { destination, type, source, options };
}

function depth(path: string): number {
  return path.split("/").filter((part) => part !== "").length;
}
