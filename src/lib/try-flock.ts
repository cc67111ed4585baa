import { spawnSync } from "node:child_process";

/**
 * An flock(2) for us alone on an open file, until its descriptor is closed or we end: put there by flock(1) on a descriptor that it
 * shares with us. False when another has one. Throws where the program is missing.
 */
export function tryFlock(fd: number): boolean {
  const { status, error } = spawnSync("flock", ["--nonblock", "--exclusive", "3"], {
    stdio: ["ignore", "ignore", "ignore", fd],
  });
  if (error !== undefined) throw error;
  return status === 0;
}
