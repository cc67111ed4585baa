import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../host.ts";
import type { Libc } from "./libc.ts";
import { parseMountOptions } from "./mount-options.ts";

type OverlayMount = Parameters<Host["mountOverlay"]>[0];

const MS_REMOUNT = 32;
const MS_BIND = 4096;
const MS_REC = 16384;
const MS_RDONLY = 1;
export const MS_PRIVATE = 1 << 18;
const MNT_DETACH = 2;
const UMOUNT_NOFOLLOW = 8;

export const SYS_OPEN_TREE = 428;
export const SYS_MOVE_MOUNT = 429;
export const SYS_FSOPEN = 430;
export const SYS_FSCONFIG = 431;
export const SYS_FSMOUNT = 432;
export const SYS_MOUNT_SETATTR = 442;

export const AT_FDCWD = -100;
export const AT_EMPTY_PATH = 0x1000;
export const AT_RECURSIVE = 0x8000;
export const OPEN_TREE_CLONE = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 4;
const MOUNT_ATTR_RDONLY = 1n;
export const FSCONFIG_SET_FLAG = 0;
export const FSCONFIG_SET_STRING = 1;
export const FSCONFIG_CMD_CREATE = 6;
export const CLOEXEC = 0o2000000;
const CLONE_FS = 0x200;

/** Fixed whatever the kernel was built with: the layer differ reads the upper folder and knows plain whiteouts only. */
const OVERLAY_OPTIONS = { redirect_dir: "off", index: "off", metacopy: "off" } as const;

/** mount(2) and the file-descriptor based calls after it. */
export class Mounts {
  readonly #libc: Libc;
  #hasNewApi: boolean | undefined;
  #ownsCwd = false;

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  overlay(mount: OverlayMount): void {
    if (this.#hasNewApi !== false) {
      try {
        this.#overlayByDescriptors(mount);
        this.#hasNewApi = true;
        return;
      } catch (error) {
        if (this.#hasNewApi === true || !isUnknownToKernel(error)) throw error;
        this.#hasNewApi = false;
      }
    }
    this.#overlayByLinks(mount);
  }

  /** One value per layer: no limit but the kernel's 500. Linux 6.5 and later. */
  #overlayByDescriptors(mount: OverlayMount): void {
    const fs = this.#libc.syscall("open overlay", SYS_FSOPEN, "const char*", "overlay", "uint", 1);
    try {
      this.#configure(fs, "source", "overlay");
      for (const layer of mount.lower) this.#configure(fs, "lowerdir+", layer);
      if (mount.upper !== undefined && mount.work !== undefined) {
        this.#configure(fs, "upperdir", mount.upper);
        this.#configure(fs, "workdir", mount.work);
        for (const [key, value] of Object.entries(OVERLAY_OPTIONS)) this.#configure(fs, key, value);
        if (mount.volatile === true) this.#command(fs, FSCONFIG_SET_FLAG, "volatile", null);
      }
      this.#command(fs, FSCONFIG_CMD_CREATE, null, null);
      this.#attach(
        this.#libc.syscall("mount overlay", SYS_FSMOUNT, "int", fs, "uint", 1, "uint", 0),
        mount.target,
      );
    } finally {
      this.#libc.close(fs);
    }
  }

  /** Older kernels take one page of options: short relative links in a folder of their own keep below it. */
  #overlayByLinks(mount: OverlayMount): void {
    if (!this.#ownsCwd) this.#libc.unshare(CLONE_FS);
    this.#ownsCwd = true;
    const folder = mkdtempSync(join(tmpdir(), "stowage-overlay-"));
    try {
      const link = (name: string, target: string): string => {
        symlinkSync(target, join(folder, name));
        return name;
      };
      const options = [
        `lowerdir=${mount.lower.map((layer, index) => link(index.toString(36), layer)).join(":")}`,
      ];
      if (mount.upper !== undefined && mount.work !== undefined)
        options.push(
          `upperdir=${link("_u", mount.upper)}`,
          `workdir=${link("_w", mount.work)}`,
          ...Object.entries(OVERLAY_OPTIONS).map((pair) => pair.join("=")),
          ...(mount.volatile === true ? ["volatile"] : []),
        );
      this.#libc.chdir(folder);
      this.#libc.mount("overlay", mount.target, "overlay", 0, options.join(","));
    } finally {
      this.#libc.chdir("/");
      rmSync(folder, { recursive: true, force: true });
    }
  }

  bind(source: string, target: string, options: { readOnly?: boolean; recursive?: boolean } = {}): void {
    const isRecursive = options.recursive === true;
    if (options.readOnly !== true) {
      this.#libc.mount(source, target, null, MS_BIND | (isRecursive ? MS_REC : 0), null);
      return;
    }
    try {
      this.#bindReadOnly(source, target, isRecursive);
    } catch (error) {
      if (!isUnknownToKernel(error)) throw error;
      this.#libc.mount(source, target, null, MS_BIND | (isRecursive ? MS_REC : 0), null);
      this.#libc.mount(null, target, null, MS_BIND | MS_REMOUNT | MS_RDONLY, null);
    }
  }

  /** Never writable, not even for an instant, and with every mount below it. Linux 5.12 and later. */
  #bindReadOnly(source: string, target: string, isRecursive: boolean): void {
    const recursive = isRecursive ? AT_RECURSIVE : 0;
    const flags = OPEN_TREE_CLONE | CLOEXEC | recursive;
    const tree = this.#libc.syscall(
      `open ${source}`,
      SYS_OPEN_TREE,
      "int",
      AT_FDCWD,
      "const char*",
      source,
      "uint",
      flags,
    );
    let isMoved = false;
    try {
      const attributes = Buffer.alloc(32);
      attributes.writeBigUInt64LE(MOUNT_ATTR_RDONLY);
      this.#libc.syscall(
        `make ${source} read-only`,
        SYS_MOUNT_SETATTR,
        ...["int", tree, "const char*", "", "uint", AT_EMPTY_PATH | recursive],
        ...["const uint8_t*", attributes, "size_t", attributes.length],
      );
      isMoved = true;
      this.#attach(tree, target);
    } finally {
      if (!isMoved) this.#libc.close(tree);
    }
  }

  mount(fileSystem: string, source: string, target: string, optionText = ""): void {
    const { flags, data } = parseMountOptions(optionText);
    this.#libc.mount(source, target, fileSystem, flags, data === "" ? null : data);
  }

  makePrivate(target: string): void {
    this.#libc.mount(null, target, null, MS_PRIVATE, null);
  }

  /** Gone already, or never mounted: nothing to do. */
  unmount(target: string, isLazy: boolean): void {
    try {
      this.#libc.umount2(target, UMOUNT_NOFOLLOW | (isLazy ? MNT_DETACH : 0));
    } catch (error) {
      if (!hasCode(error, "EINVAL", "ENOENT", "ENOTDIR")) throw error;
    }
  }

  #configure(fs: number, key: string, value: string): void {
    this.#command(fs, FSCONFIG_SET_STRING, key, value);
  }

  #command(fs: number, command: number, key: string | null, value: string | null): void {
    this.#libc.syscall(
      key === null ? "create overlay" : `set overlay ${key}=${value ?? ""}`,
      SYS_FSCONFIG,
      ...["int", fs, "uint", command, "const char*", key, "const char*", value, "int", 0],
    );
  }

  /** Takes over the descriptor. */
  #attach(mountFd: number, target: string): void {
    try {
      this.#libc.syscall(
        `mount on ${target}`,
        SYS_MOVE_MOUNT,
        ...["int", mountFd, "const char*", "", "int", AT_FDCWD, "const char*", target],
        ...["uint", MOVE_MOUNT_F_EMPTY_PATH],
      );
    } finally {
      this.#libc.close(mountFd);
    }
  }
}

/** Network file systems resolve names and negotiate in a helper program: `mount.nfs`. */
export function needsMountHelper(fileSystem: string): boolean {
  return ["/sbin", "/usr/sbin"].some((folder) => existsSync(join(folder, `mount.${fileSystem}`)));
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

function isUnknownToKernel(error: unknown): boolean {
  return hasCode(error, "ENOSYS", "EINVAL", "EPERM");
}
