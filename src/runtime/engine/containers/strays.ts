import { readdirSync, readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cgroupParentOf } from "./bundle.ts";
import type { ContainersContext } from "./context.ts";

const ID = /^[0-9a-f]{64}$/;

/** Ids of which something is left at run time (bundle, OCI state, cgroup), whoever they belonged to. */
export async function idsWithLeftovers(ctx: ContainersContext): Promise<ReadonlySet<string>> {
  const { layout, cgroups } = ctx;
  const folders = [dirname(layout.bundleDir("x")), layout.ociStateDir];
  const names = await Promise.all(folders.map((folder) => readdir(folder).catch(() => [])));
  return new Set(
    [...names.flat(), ...cgroups.children(cgroupParentOf(layout.instance))].filter((id) => ID.test(id)),
  );
}

/** Takes away what monitors noted of containers that are no more: their removal was cut short after their record went. */
export async function removeStrayExits({ layout, table }: ContainersContext): Promise<void> {
  for (const id of await readdir(layout.exitsDir)) {
    if (ID.test(id) && table.peek(id) === undefined) await rm(join(layout.exitsDir, id), { force: true });
  }
}

/**
 * Kills the monitors and OCI runtimes that work on a container's bundle: what a daemon that was killed in the
 * middle of a start left running, and what takes too long over one.
 */
export function killMonitors(ctx: Pick<ContainersContext, "layout">, id: string): void {
  const bundleDir = ctx.layout.bundleDir(id);
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const argv = argvOf(pid);
    if (!["conmon", "runc", "crun"].includes(basename(argv[0] ?? ""))) continue;
    if (!argv.some((word) => word === bundleDir || word.startsWith(`${bundleDir}/`))) continue;
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has just ended.
    }
  }
}

function argvOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}
