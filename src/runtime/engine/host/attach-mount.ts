import type { Host } from "../host.ts";
import type { Libc } from "./libc.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  CLOEXEC,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  hasCode,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_PRIVATE,
  OPEN_TREE_CLONE,
  SYS_FSCONFIG,
  SYS_FSMOUNT,
  SYS_FSOPEN,
  SYS_MOUNT_SETATTR,
  SYS_MOVE_MOUNT,
  SYS_OPEN_TREE,
} from "./mounts.ts";

type AttachedMount = Parameters<Host["attachMount"]>[0];

const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
const READ_ONLY = 1n;
/** MOUNT_ATTR_* by the names of OCI mount options; of the access times one at a time may be set. */
const ATTRIBUTES: Readonly<Record<string, bigint>> = {
  ro: READ_ONLY,
  nosuid: 2n,
  nodev: 4n,
  noexec: 8n,
  noatime: 0x10n,
  strictatime: 0x20n,
  nodiratime: 0x80n,
  nosymfollow: 0x20_0000n,
};
const ACCESS_TIMES = 0x70n;
/** Options that say what is so anyway: a mount that is made here is private and may do what nothing forbids. */
const SAYS_NOTHING: ReadonlySet<string> = new Set([
  ...["bind", "rbind", "private", "rprivate", "rw", "rro", "defaults", "relatime", "atime"],
  ...["suid", "dev", "exec", "diratime"],
]);

/** See `Host.attachMount`. The mount is complete before anybody can see it. */
export function attachMount(libc: Libc, mount: AttachedMount, targetFd: number): boolean {
  let made: number | undefined;
  try {
    made = mount.type === "bind" ? openTree(libc, mount) : openTmpfs(libc, mount);
    setAttributes(libc, made, mount);
    libc.syscall(
      `mount ${mount.source}`,
      SYS_MOVE_MOUNT,
      ...["int", made, "const char*", "", "int", targetFd, "const char*", ""],
      ...["uint", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH],
    );
    return true;
  } catch (error) {
    if (hasCode(error, "ENOSYS")) return false;
    throw error;
  } finally {
    if (made !== undefined) libc.close(made);
  }
}

function openTree(libc: Libc, { source, options }: AttachedMount): number {
  const recursive = options.includes("rbind") ? AT_RECURSIVE : 0;
  return libc.syscall(
    `open ${source}`,
    SYS_OPEN_TREE,
    ...["int", AT_FDCWD, "const char*", source, "uint", OPEN_TREE_CLONE | CLOEXEC | recursive],
  );
}

function openTmpfs(libc: Libc, { source, options }: AttachedMount): number {
  const fs = libc.syscall("open tmpfs", SYS_FSOPEN, "const char*", "tmpfs", "uint", 1);
  const configure = (command: number, key: string | null, value: string | null): void => {
    libc.syscall(
      key === null ? "create tmpfs" : `set tmpfs ${key}=${value ?? ""}`,
      SYS_FSCONFIG,
      ...["int", fs, "uint", command, "const char*", key, "const char*", value, "int", 0],
    );
  };
  try {
    configure(FSCONFIG_SET_STRING, "source", source);
    for (const option of options) {
      if (SAYS_NOTHING.has(option) || option in ATTRIBUTES) continue;
      const cut = option.indexOf("=");
      if (cut < 0) configure(FSCONFIG_SET_FLAG, option, null);
      else configure(FSCONFIG_SET_STRING, option.slice(0, cut), option.slice(cut + 1));
    }
    configure(FSCONFIG_CMD_CREATE, null, null);
    return libc.syscall("mount tmpfs", SYS_FSMOUNT, "int", fs, "uint", 1, "uint", 0);
  } finally {
    libc.close(fs);
  }
}

/** Private with all below; the rest is the top mount's own, but for `rro`. */
function setAttributes(libc: Libc, fd: number, { source, options }: AttachedMount): void {
  const set = options.reduce((bits, option) => bits | (ATTRIBUTES[option] ?? 0n), 0n);
  const apply = (attributes: Uint8Array, flags: number): void => {
    libc.syscall(
      `set attributes of ${source}`,
      SYS_MOUNT_SETATTR,
      ...["int", fd, "const char*", "", "uint", AT_EMPTY_PATH | flags],
      ...["const uint8_t*", attributes, "size_t", attributes.length],
    );
  };
  apply(
    attributesOf({ set: options.includes("rro") ? READ_ONLY : 0n, propagation: MS_PRIVATE }),
    AT_RECURSIVE,
  );
  if (set !== 0n) apply(attributesOf({ set, clear: (set & ACCESS_TIMES) === 0n ? 0n : ACCESS_TIMES }), 0);
}

/** `struct mount_attr`. */
function attributesOf(fields: {
  readonly set: bigint;
  readonly clear?: bigint;
  readonly propagation?: number;
}): Uint8Array {
  const bytes = Buffer.alloc(32);
  bytes.writeBigUInt64LE(fields.set, 0);
  bytes.writeBigUInt64LE(fields.clear ?? 0n, 8);
  bytes.writeBigUInt64LE(BigInt(fields.propagation ?? 0), 16);
  return bytes;
}
