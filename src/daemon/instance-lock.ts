import { closeSync, fchmodSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { tryFlock } from "../lib/try-flock.ts";
import { RuntimeError } from "../runtime/index.ts";
import { type LockHolder, readLockHolder } from "./lock-holder.ts";

export interface InstanceLock {
  release(): void;
}

/**
 * Takes a lock that the kernel gives back when the process ends, however it ends. A lock file left behind by a dead
 * holder holds nothing. Throws `conflict`, naming the holder, when another process has it.
 */
export function takeInstanceLock(path: string, holder: LockHolder, what: string): InstanceLock {
  const file = openSync(path, "a+", 0o600);
  // Whoever may open it, though only to read, could hold it.
  fchmodSync(file, 0o600);
  try {
    if (!tryLock(file))
      throw new RuntimeError("conflict", `Cannot start a second daemon: ${describe(path, what)}`);
  } catch (error) {
    closeSync(file);
    throw error;
  }
  ftruncateSync(file, 0);
  writeSync(file, `${JSON.stringify(holder)}\n`);
  return { release: () => closeSync(file) };
}

function tryLock(file: number): boolean {
  try {
    return tryFlock(file);
  } catch (cause) {
    throw new RuntimeError("unavailable", 'Cannot lock: the program "flock" of util-linux is missing', {
      cause,
    });
  }
}

function describe(path: string, what: string): string {
  const holder = readLockHolder(path);
  if (holder === undefined) return `${what} is in use by another process (lock ${path})`;
  return `${what} is in use by the daemon with pid ${holder.pid} (root ${holder.rootDir}, run ${holder.runDir})`;
}
