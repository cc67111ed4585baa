import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** One of docker compose's own switches for files from elsewhere: on unless it is switched off. */
export function checkSwitch(name: string, environment: Environment): void {
  const value = environment[name];
  if (value === undefined || value === "" || /^(?:1|t|T|TRUE|true|True)$/.test(value)) return;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) throw new Error(`${name} switches it off`);
  throw new Error(`${name} must be true or false, not "${value}"`);
}

/** Where the user's cache keeps what has this key; whether it is there is another question. */
export function heldPath(environment: Environment, kind: "git" | "oci", key: string): string {
  const { XDG_CACHE_HOME: cache, HOME: home } = environment;
  return join(cache || join(home || homedir(), ".cache"), "stowage", kind, key);
}

export async function isHeld(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Fills a folder that is not there yet, and puts it in place when it is complete. */
export async function hold(path: string, fill: (dir: string) => Promise<unknown>): Promise<void> {
  const cache = join(path, "..");
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const fresh = await mkdtemp(join(cache, "fresh-"));
  try {
    await fill(join(fresh, "files"));
    await rename(join(fresh, "files"), path).catch((error: unknown) => {
      // Somebody else was faster: the same files.
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
}
