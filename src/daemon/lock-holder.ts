import { readFileSync } from "node:fs";

/** Who holds a lock, as its file says. */
export interface LockHolder {
  readonly pid: number;
  readonly rootDir: string;
  readonly runDir: string;
  readonly startedAt: string;
}

/** The holder that the file names; the file outlives its holder, so it says nothing about who lives. */
export function readLockHolder(path: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isHolder(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isHolder(value: unknown): value is LockHolder {
  return typeof value === "object" && value !== null && "pid" in value && typeof value.pid === "number";
}
