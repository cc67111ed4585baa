import { accessSync, closeSync, constants, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { type Libc, SystemError } from "./libc.ts";

/** The kernel says so where it knows no such memory, where a policy forbids it, and (`EACCES`) to execute it. */
const IMPOSSIBLE = new Set(["ENOSYS", "EINVAL", "EPERM", "EACCES"]);

/** See `Host.sealedCopy`. */
export function sealedCopy(libc: Libc, path: string): number | undefined {
  let fd: number | undefined;
  try {
    fd = libc.createMemory(basename(path));
    writeFileSync(fd, readFileSync(path));
    libc.seal(fd);
    accessSync(`/proc/self/fd/${fd}`, constants.X_OK);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if (isImpossible(error)) return undefined;
    throw error;
  }
}

function isImpossible(error: unknown): boolean {
  const isOfCalls = error instanceof SystemError || (error instanceof Error && "syscall" in error);
  return isOfCalls && "code" in error && IMPOSSIBLE.has(String(error.code));
}
