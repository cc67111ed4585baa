import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMissing } from "../../../lib/atomic-file.ts";
import { RuntimeError } from "../../index.ts";

/** How long the freezer and the last processes of a killed group may take. */
const PATIENCE_MS = 10_000;

/**
 * The machine's cgroup hierarchies: version 1, 2, or both. Everything here reads and writes their files: a
 * hundred times cheaper than asking the OCI runtime.
 */
export class Cgroups {
  /** Mount point by controller of version 1. */
  readonly #v1: ReadonlyMap<string, string>;
  /** Where version 2 is mounted: alone, or beside version 1 without controllers. */
  readonly #unified: string | undefined;
  readonly version: "1" | "2";
  /** The file by which this process is moved to where it is, in a hierarchy of version 1. */
  readonly #ownProcesses: string | undefined;

  constructor(
    mountInfo: string = readFileSync("/proc/self/mountinfo", "utf8"),
    ownGroups: string = readFileSync("/proc/self/cgroup", "utf8"),
  ) {
    const { v1, unified } = parseMounts(mountInfo);
    this.#v1 = v1;
    this.#unified = unified;
    this.version = v1.size === 0 ? "2" : "1";
    const own = /^\d+:(?:.*,)?pids(?:,.*)?:(.*)$/m.exec(ownGroups)?.[1];
    const folder = own === undefined || this.version === "2" ? undefined : this.folder(own, "pids");
    this.#ownProcesses = folder && join(folder, "cgroup.procs");
  }

  /**
   * Something is about to be moved to a group. Of version 1 the first move after a pause waits for all that the kernel has under way (a
   * grace period of RCU, 6 to 16 ms), the next ones do not: this begins that wait while other things are done, by moving this process
   * to where it is.
   */
  expectMove(): void {
    if (this.#ownProcesses === undefined) return;
    // Where that cannot be written the wait is where it always was.
    writeFile(this.#ownProcesses, String(process.pid), { flag: "r+" }).catch(() => undefined);
  }

  /** The group's folder in the hierarchy of a controller (version 2: in the only one). */
  folder(cgroupsPath: string, controller: string): string | undefined {
    const root = this.version === "2" ? this.#unified : this.#v1.get(controller);
    return root === undefined ? undefined : join(root, cgroupsPath);
  }

  processes(cgroupsPath: string): readonly number[] {
    const pids = this.#folders(cgroupsPath).flatMap((folder) =>
      (readIfThere(join(folder, "cgroup.procs")) ?? "").split("\n").filter(Boolean).map(Number),
    );
    return [...new Set(pids)].filter((pid) => pid > 0);
  }

  /** Kills every process of the group, and waits until none is left. */
  async killAll(cgroupsPath: string): Promise<void> {
    this.#thawNow(cgroupsPath);
    const switchFile = this.#unified && join(this.#unified, cgroupsPath, "cgroup.kill");
    const deadline = Date.now() + PATIENCE_MS;
    for (let waitMs = 1; ; waitMs = Math.min(waitMs * 2, 50)) {
      if (switchFile !== undefined) writeIfThere(switchFile, "1");
      const pids = this.processes(cgroupsPath);
      for (const pid of pids) killQuietly(pid);
      if (pids.length === 0) return;
      if (Date.now() > deadline)
        throw new RuntimeError("timeout", `Cannot kill the processes ${pids.join(", ")}: they do not end`);
      await sleep(waitMs);
    }
  }

  /** Version 1 can get stuck half-way for ever; letting go and beginning anew helps (runc does the same). */
  async freeze(cgroupsPath: string): Promise<void> {
    const freezer = this.folder(cgroupsPath, "freezer") ?? "";
    const deadline = Date.now() + PATIENCE_MS;
    for (let attempt = 1; ; attempt++) {
      if (this.version === "2") writeFileSync(join(freezer, "cgroup.freeze"), "1");
      else writeFileSync(join(freezer, "freezer.state"), "FROZEN");
      if (this.isFrozen(cgroupsPath)) return;
      if (Date.now() > deadline) {
        this.#thawNow(cgroupsPath);
        throw new RuntimeError("timeout", "Cannot pause: the freezer does not come to an end");
      }
      if (attempt % 25 === 0) this.#thawNow(cgroupsPath);
      await sleep(Math.min(attempt, 10));
    }
  }

  thaw(cgroupsPath: string): void {
    this.#thawNow(cgroupsPath);
  }

  isFrozen(cgroupsPath: string): boolean {
    const freezer = this.folder(cgroupsPath, "freezer") ?? "";
    return this.version === "2"
      ? /^frozen 1$/m.test(readIfThere(join(freezer, "cgroup.events")) ?? "")
      : readIfThere(join(freezer, "freezer.state"))?.trim() === "FROZEN";
  }

  /** How many processes of the group the kernel has killed for want of memory. */
  oomKills(cgroupsPath: string): number {
    const memory = this.folder(cgroupsPath, "memory") ?? "";
    const text = readIfThere(join(memory, this.version === "2" ? "memory.events" : "memory.oom_control"));
    return Number(/^oom_kill (\d+)$/m.exec(text ?? "")?.[1] ?? 0);
  }

  /** Takes the empty group out of every hierarchy, with what is below it. False when something is in the way. */
  remove(cgroupsPath: string): boolean {
    return this.#folders(cgroupsPath).map(removeTree).every(Boolean);
  }

  /** Names of the groups below a parent, in any hierarchy. */
  children(parentPath: string): readonly string[] {
    const names = this.#roots().flatMap((root) => subfolders(join(root, parentPath)));
    return [...new Set(names)];
  }

  #roots(): readonly string[] {
    return [...new Set([...this.#v1.values(), ...(this.#unified === undefined ? [] : [this.#unified])])];
  }

  /** Where the group is in each hierarchy, or would be. */
  #folders(cgroupsPath: string): readonly string[] {
    return this.#roots().map((root) => join(root, cgroupsPath));
  }

  #thawNow(cgroupsPath: string): void {
    const freezer = this.folder(cgroupsPath, "freezer");
    if (freezer === undefined) return;
    if (this.version === "2") writeIfThere(join(freezer, "cgroup.freeze"), "0");
    else writeIfThere(join(freezer, "freezer.state"), "THAWED");
  }
}

function parseMounts(mountInfo: string) {
  const v1 = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountInfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const target = before.split(" ")[4];
    const [type, , options = ""] = after.split(" ");
    if (target === undefined || !target.startsWith("/sys/fs/cgroup")) continue;
    if (type === "cgroup2") unified ??= target;
    if (type === "cgroup")
      for (const option of options.split(",")) if (!["rw", "ro"].includes(option)) v1.set(option, target);
  }
  return { v1, unified };
}

export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isMissing(error) || isNoDevice(error)) return undefined;
    throw error;
  }
}

function writeIfThere(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: "r+" });
  } catch (error) {
    if (!isMissing(error) && !isNoDevice(error)) throw error;
  }
}

/** What the files of a group that has just gone answer. */
function isNoDevice(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENODEV";
}

/** Few groups have others below them, so that is looked at only when one does not go. */
function removeTree(folder: string): boolean {
  if (removeGroup(folder)) return true;
  for (const name of subfolders(folder)) removeTree(join(folder, name));
  return removeGroup(folder);
}

function removeGroup(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return isMissing(error);
  }
}

function subfolders(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
