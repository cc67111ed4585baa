import { fchmodSync } from "node:fs";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Host } from "../host.ts";

/** What is done under it takes some milliseconds. */
const LOOK_MS = 10;

/**
 * Alone on this machine while `work` runs, whatever other daemons there are: the kernel takes the lock from a process that dies, and
 * whoever is not root cannot open the file to hold it.
 */
export async function withMachineLock<T>(host: Host, path: string, work: () => Promise<T>): Promise<T> {
  const file = await open(path, "a", 0o600);
  try {
    fchmodSync(file.fd, 0o600);
    while (!(await host.tryLock(file.fd))) await sleep(LOOK_MS);
    return await work();
  } finally {
    await file.close();
  }
}
