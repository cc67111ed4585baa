import type { Stats } from "node:fs";
import { createRequire as requireBeside } from "node:module";
import { bytesOf } from "./select-files.ts";

const NAME = "security.capability";
const MAX_BYTES = 64;

interface Xattrs {
  get(path: Buffer): Buffer | undefined;
  set(path: Buffer, value: Buffer): void;
}

let xattrs: Xattrs | undefined | "unknown" = "unknown";

/** Capabilities of a program survive a copy. Without the library for system calls they are lost, as by `cp`. */
export function copyCapability(from: string | Buffer, to: string | Buffer, stat: Stats): void {
  const value = capabilityOf(from, stat);
  if (value !== undefined) loadedXattrs()?.set(terminated(to), value);
}

/** Capabilities of a program, as they are stored. */
export function capabilityOf(path: string | Buffer, stat: Stats): Buffer | undefined {
  return stat.isFile() && (stat.mode & 0o111) !== 0 ? loadedXattrs()?.get(terminated(path)) : undefined;
}

function loadedXattrs(): Xattrs | undefined {
  if (xattrs === "unknown") xattrs = loadXattrs();
  return xattrs;
}

function terminated(path: string | Buffer): Buffer {
  return Buffer.concat([bytesOf(path), Buffer.of(0)]);
}

function loadXattrs(): Xattrs | undefined {
  try {
    const koffi: typeof import("koffi") = requireBeside(import.meta.url)("koffi");
    const libc = koffi.load("libc.so.6");
    const get = libc.func("long lgetxattr(const uint8_t*, const char*, uint8_t*, size_t)");
    const set = libc.func("int lsetxattr(const uint8_t*, const char*, const uint8_t*, size_t, int)");
    return {
      get: (path) => {
        const value = Buffer.alloc(MAX_BYTES);
        const bytes = Number(get(path, NAME, value, value.length));
        return bytes > 0 ? value.subarray(0, bytes) : undefined;
      },
      set: (path, value) => {
        if (set(path, NAME, value, value.length, 0) < 0)
          throw new Error(`cannot set the capabilities of ${path}`);
      },
    };
  } catch {
    return undefined;
  }
}
