import { mkdir, readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "../../../lib/log.ts";
import type { Host } from "../host.ts";

const ROOT = "/sys/fs/cgroup";
/** How long another engine may take that has begun to mount the same. */
const ATTEMPTS = 20;
const PAUSE_MS = 25;

/**
 * crun refuses a machine with cgroups of both versions as long as version 2 has controllers. Those are the ones that
 * nobody mounted as version 1, as all others are: here that is made up for, until the next boot. A controller that
 * somebody uses stays where it is (the kernel answers EBUSY). Resolves to whether version 2 has none now; on a machine
 * with one version nothing happens.
 */
export async function mountLeftControllers(host: Host, log: Log): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const controllers = await leftControllers();
    if (controllers.length === 0) return true;
    for (const controller of controllers) {
      const folder = join(ROOT, controller);
      // Who makes the folder mounts.
      const isOurs = await mkdir(folder).then(
        () => true,
        () => false,
      );
      if (isOurs && !(await mountAsVersion1(controller, folder, { host, log }))) return false;
    }
    await sleep(PAUSE_MS);
  }
  return false;
}

/** What version 2 has beside version 1; nothing where there is only one of them. */
async function leftControllers(): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "unified", "cgroup.controllers"), "utf8").catch(() => "");
  return text.split(/\s+/).filter(Boolean);
}

async function mountAsVersion1(
  controller: string,
  folder: string,
  { host, log }: { readonly host: Host; readonly log: Log },
): Promise<boolean> {
  try {
    await host.mount("cgroup", "cgroup", folder, controller);
    log.info("Mounted a cgroup controller as version 1, like the others: crun needs it so", { folder });
    return true;
  } catch (error) {
    log.info("Cannot mount a cgroup controller as version 1: crun cannot be used", { folder, error });
    await rmdir(folder);
    return false;
  }
}
