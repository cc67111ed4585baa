import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../../lib/log.ts";
import type { Host } from "../host.ts";

const ROOT = "/sys/fs/cgroup";
/** The source that our mounts name, by which every engine on the machine knows them. */
const SOURCE = "stowage";
/** Another engine may be about to mount or to unmount the same. */
const ATTEMPTS = 40;
const PAUSE_MS = 25;

/**
 * crun refuses a machine with cgroups of both versions as long as version 2 has controllers. Those are the ones that
 * nobody mounted as version 1, as all others are: here that is made up for, until the last engine that wants it
 * closes. A controller that somebody uses stays where it is (the kernel answers EBUSY). Resolves to whether version 2
 * has none now; on a machine with one version nothing happens.
 */
export async function mountLeftControllers(instance: string, host: Host, log: Log): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    for (const controller of await leftControllers()) {
      const folder = join(ROOT, controller);
      // Who makes the folder mounts.
      if (!(await succeeds(mkdir(folder)))) continue;
      try {
        await host.mount("cgroup", SOURCE, folder, controller);
        log.info("Mounted a cgroup controller as version 1, like the others: crun needs it so", { folder });
      } catch (error) {
        log.info("Cannot mount a cgroup controller as version 1: crun cannot be used", { folder, error });
        await rmdir(folder);
        return false;
      }
    }
    const folders = await ourFolders();
    for (const folder of folders) await succeeds(mkdir(join(folder, claim(instance))));
    if ((await leftControllers()).length === 0) return true;
    // Unmounted under our hands: what was made is no group, and in the way.
    for (const folder of folders)
      if (!existsSync(join(folder, "cgroup.procs"))) await succeeds(rmdir(join(folder, claim(instance))));
    await sleep(PAUSE_MS);
  }
  return false;
}

/** Takes the claim back. Who is the last, with no container left, leaves the machine as it was. */
export async function unmountLeftControllers(instance: string, host: Host, log: Log): Promise<void> {
  for (const folder of await ourFolders()) {
    for (const name of await readdir(folder).catch(() => []))
      if (name === claim(instance) || isStale(name)) await succeeds(rmdir(join(folder, name)));
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    if (entries.some((entry) => entry.isDirectory())) continue;
    await host
      .unmount(folder)
      .then(() => rmdir(folder))
      .catch((error) => log.info("Cannot unmount a cgroup controller", { folder, error }));
  }
}

/** What version 2 has beside version 1; nothing where there is only one of them. */
async function leftControllers(): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "unified", "cgroup.controllers"), "utf8").catch(() => "");
  return text.split(/\s+/).filter(Boolean);
}

/** Where an engine has mounted a controller. */
async function ourFolders(): Promise<readonly string[]> {
  const lines = (await readFile("/proc/self/mountinfo", "utf8")).split("\n");
  return lines
    .filter((line) => line.includes(` - cgroup ${SOURCE} `))
    .flatMap((line) => line.split(" ")[4] ?? []);
}

/** The empty group by which an engine says that it needs what is mounted. */
const claim = (instance: string) => `stowage-${instance}-${process.pid}.claim`;

/** The claim of a process that ended without taking it back. */
function isStale(name: string): boolean {
  const pid = /^stowage-\w+-(\d+)\.claim$/.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

async function succeeds(action: Promise<unknown>): Promise<boolean> {
  return action.then(
    () => true,
    () => false,
  );
}
