import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ContainerSpec, RuntimeError } from "../../index.ts";
import type { MachineFacts } from "./machine.ts";
import { runProgram } from "./run-program.ts";
import { splitOption } from "./security-options.ts";

/** dockerd's name: whichever of the two comes first loads it, and both use it. */
const DEFAULT_PROFILE = "docker-default";
const UNCONFINED = "unconfined";
const PARSERS = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"];

/** As dockerd decides it: the kernel confines, and there is the program that loads profiles. */
export function hasAppArmor(): boolean {
  return isEnabled() && PARSERS.some((path) => existsSync(path));
}

function isEnabled(): boolean {
  try {
    return readFileSync("/sys/module/apparmor/parameters/enabled", "utf8").startsWith("Y");
  } catch {
    return false;
  }
}

/** The profile of a container's processes, its execs too; undefined where there is no AppArmor. */
export function apparmorProfileOf(
  { privileged, securityOptions }: Pick<ContainerSpec, "privileged" | "securityOptions">,
  machine: Pick<MachineFacts, "hasAppArmor">,
): string | undefined {
  if (!machine.hasAppArmor) return undefined;
  const named = (securityOptions ?? [])
    .map(splitOption)
    .findLast(([key, value]) => key === "apparmor" && value);
  return named?.[1] ?? (privileged === true ? UNCONFINED : DEFAULT_PROFILE);
}

/** Loads the default profile unless it is, or another is meant; `unavailable` with the parser's words. */
export async function ensureProfile(profile: string | undefined): Promise<void> {
  if (profile !== DEFAULT_PROFILE || (await isLoaded(DEFAULT_PROFILE))) return;
  const folder = await mkdtemp(join(tmpdir(), "stowage-apparmor-"));
  try {
    const file = join(folder, DEFAULT_PROFILE);
    await writeFile(file, defaultProfile(existsSync));
    const parser = PARSERS.find((path) => existsSync(path)) ?? "apparmor_parser";
    const { exitCode, stderr } = await runProgram(parser, ["--replace", "--skip-cache", file]);
    if (exitCode === 0) return;
    throw new RuntimeError(
      "unavailable",
      `AppArmor is enabled on this machine, but the profile ${DEFAULT_PROFILE} could not be loaded: ${stderr.trim()}`,
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function isLoaded(profile: string): Promise<boolean> {
  const loaded = await readFile("/sys/kernel/security/apparmor/profiles", "utf8").catch(() => "");
  return loaded.split("\n").some((line) => line.startsWith(`${profile} (`));
}

/**
 * What Docker's default profile allows and denies (moby's `profiles/apparmor`): anything of files, networks and
 * capabilities, but no mounts, no writing to what of /proc and /sys is the machine's, and signals and traces only
 * among the container's own. `has` tells which parts of AppArmor's own policy are installed.
 */
export function defaultProfile(has: (path: string) => boolean): string {
  const tunables = has("/etc/apparmor.d/tunables/global") ? "#include <tunables/global>" : "@{PROC}=/proc/";
  const base = has("/etc/apparmor.d/abstractions/base") ? "#include <abstractions/base>" : "";
  // AppArmor has no "all but": what a name must not begin with is told letter by letter.
  const notCgroup = ["[^f]*", "f[^s]*", "fs/[^c]*", "fs/c[^g]*", "fs/cg[^r]*"];
  return `${tunables}

profile ${DEFAULT_PROFILE} flags=(attach_disconnected,mediate_deleted) {
  ${base}

  network,
  capability,
  file,
  umount,

  # From the engine, and from OCI runtimes that have profiles of their own.
  signal (receive) peer=${UNCONFINED},
  signal (receive) peer=runc,
  signal (receive) peer=crun,
  signal (send,receive) peer=${DEFAULT_PROFILE},
  ptrace (trace,tracedby,read,readby) peer=${DEFAULT_PROFILE},

  deny mount,

  # Of /proc only processes, and of /proc/sys only kernel/shm*, may be written.
  deny @{PROC}/* w,
  deny @{PROC}/{[^1-9],[^1-9][^0-9],[^1-9s][^0-9y][^0-9s],[^1-9][^0-9][^0-9][^0-9/]*}/** w,
  deny @{PROC}/sys/[^k]** w,
  deny @{PROC}/sys/kernel/{?,??,[^s][^h][^m]**} w,
  deny @{PROC}/sysrq-trigger rwklx,
  deny @{PROC}/kcore rwklx,

  # Of /sys only cgroups.
${notCgroup.map((path) => `  deny /sys/${path}/** wklx,`).join("\n")}
  deny /sys/firmware/** rwklx,
  deny /sys/devices/virtual/powercap/** rwklx,
  deny /sys/kernel/security/** rwklx,
}
`;
}
