import { existsSync, readFileSync, rmdirSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, unlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { isMissing, readFileIfThere } from "../../../lib/atomic-file.ts";
import type { Log } from "../../../lib/log.ts";
import { RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import { mountLeftControllers } from "./hybrid-cgroups.ts";
import { runProgram } from "./run-program.ts";
import { type SealedProgram, sealProgram } from "./sealed-program.ts";
import { openStartGate, programBegun } from "./start-gate.ts";
import type { OciConfig, OciResources } from "./types.ts";

/** The program that makes containers (runc or crun), and how we talk to it. */
export interface OciRuntime {
  readonly name: "runc" | "crun";
  /** What to run now: not to be kept. */
  readonly path: string;
  readonly version: string;
  /** Its `--root`. */
  readonly stateDir: string;
  /** Lets a created container run; `pid` is its first process. Resolves when the program itself has begun. */
  start(id: string, pid: number): Promise<void>;
  /** Kills what is left of it and forgets it; of one that is gone already a no-op. */
  delete(id: string): Promise<void>;
  update(id: string, resources: OciResources): Promise<void>;
  close(): Promise<void>;
}

/**
 * crun where it works, else runc: crun needs a third of the time. What was found is remembered beside the sockets
 * until the programs change; containers that one of them has made are its own for as long as they are.
 */
export async function chooseOciRuntime(layout: DiskLayout, host: Host, log: Log): Promise<OciRuntime> {
  const remembered = await readChoice(layout);
  const refused: string[] = [];
  for (const name of await inOrder(layout)) {
    const candidate = await find(name);
    if (candidate === undefined) continue;
    if (name === "crun" && !(await mountLeftControllers(host, log))) continue;
    const isKnown = remembered?.tag === candidate.tag;
    const isRefused = remembered?.refused.includes(candidate.tag) ?? false;
    const works = isKnown || (!isRefused && (await tryOnce(layout, candidate, log)));
    if (!works) {
      refused.push(candidate.tag);
      continue;
    }
    if (!isKnown) await writeFile(choicePath(layout), JSON.stringify({ tag: candidate.tag, refused }));
    return ociRuntime(candidate.name, await sealProgram(layout, host, candidate.path), layout.ociStateDir);
  }
  throw new RuntimeError("unavailable", "Cannot find an OCI runtime that works here: install runc or crun");
}

/** The one whose containers are there goes first: they are told by the file in which it keeps their state. */
async function inOrder({ ociStateDir }: DiskLayout): Promise<readonly Candidate["name"][]> {
  const states = await readdir(ociStateDir).catch(() => []);
  const isRuncs = states.some((id) => existsSync(join(ociStateDir, id, "state.json")));
  return isRuncs ? ["runc", "crun"] : ["crun", "runc"];
}

interface Candidate {
  readonly name: "runc" | "crun";
  readonly path: string;
  /** Path and change time: another program has another tag. */
  readonly tag: string;
}

async function find(name: Candidate["name"]): Promise<Candidate | undefined> {
  const path = await findProgram(name);
  if (path === undefined) return undefined;
  return { name, path, tag: `${path}@${(await stat(path)).mtimeMs}` };
}

/** Where a program lies: PATH, then the usual folders of programs for root. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  for (const folder of folders.filter((part) => part !== "")) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.isFile() && (found.mode & 0o111) !== 0) return join(folder, name);
  }
  return undefined;
}

const choicePath = (layout: DiskLayout) => join(layout.runDir, "oci-runtime.json");

interface Choice {
  readonly tag: string;
  /** Tags of programs that were tried and did not work. */
  readonly refused: readonly string[];
}

async function readChoice(layout: DiskLayout): Promise<Choice | undefined> {
  try {
    const value: unknown = JSON.parse((await readFileIfThere(choicePath(layout))) ?? "null");
    if (typeof value !== "object" || value === null || !("tag" in value) || !("refused" in value))
      return undefined;
    return typeof value.tag === "string" && Array.isArray(value.refused)
      ? { tag: value.tag, refused: value.refused.map(String) }
      : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Asks for a container whose program does not exist: the complaint about the program shows that everything
 * before it (cgroups, namespaces, mounts) was possible.
 */
async function tryOnce(layout: DiskLayout, candidate: Candidate, log: Log): Promise<boolean> {
  if (candidate.name === "runc") return true;
  const bundle = join(layout.runDir, "probe");
  const id = `probe-${layout.instance}`;
  const root = join(layout.runDir, "probe-state");
  await mkdir(join(bundle, "rootfs"), { recursive: true });
  await writeFile(join(bundle, "config.json"), JSON.stringify(probeConfig(layout)));
  const { stderr } = await runProgram(candidate.path, ["--root", root, "create", "--bundle", bundle, id]);
  await runProgram(candidate.path, ["--root", root, "delete", "--force", id]);
  await Promise.all([bundle, root].map((path) => rm(path, { recursive: true, force: true })));
  const works = /not found|no such file/i.test(stderr);
  if (!works) log.info("OCI runtime refused", { path: candidate.path, reason: stderr.trim() });
  return works;
}

function probeConfig({ instance }: DiskLayout): OciConfig {
  return {
    ociVersion: "1.0.2",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["/no-such-program"],
      env: [],
      cwd: "/",
      capabilities: { bounding: [], effective: [], permitted: [] },
    },
    root: { path: "rootfs" },
    mounts: [],
    linux: {
      resources: {},
      cgroupsPath: `/stowage-${instance}/probe`,
      namespaces: [{ type: "mount" }, { type: "pid" }],
    },
  };
}

async function ociRuntime(
  name: Candidate["name"],
  program: SealedProgram,
  stateDir: string,
): Promise<OciRuntime> {
  const { stdout } = await runProgram(program.path, ["--version"]);
  const version = /version (\S+)/.exec(stdout)?.[1] ?? "";
  const command = async (args: readonly string[]) => {
    const result = await runProgram(program.path, ["--root", stateDir, ...args]);
    if (result.exitCode === 0) return;
    throw new RuntimeError("internal", `${name} ${args[0] ?? ""} failed: ${result.stderr.trim()}`);
  };
  return {
    name,
    get path() {
      return program.path;
    },
    version,
    stateDir,
    start: async (id, pid) => {
      const isOpen = await openStartGate(name, join(stateDir, id, "exec.fifo"));
      if (!isOpen) await command(["start", id]);
      await programBegun(pid);
    },
    delete: async (id) => {
      const state = join(stateDir, id);
      if (await (name === "runc" ? forgetRunc(state) : forgetCrun(state))) return;
      const isThere = await stat(state).catch(() => undefined);
      if (isThere !== undefined) await command(["delete", "--force", id]);
    },
    update: async (id, resources) => {
      // From a file: crun cannot read them from a pipe of ours.
      const file = join(stateDir, id, "resources.json");
      await writeFile(file, JSON.stringify(resources));
      await command(["update", "--resources", file, id]).finally(() => rm(file, { force: true }));
    },
    close: () => program.close(),
  };
}

/**
 * What `runc delete` does for a container none of whose processes is left: its cgroups and its state folder go.
 * Saves a program start at each exit. False when something is unusual: then runc itself has to do it.
 */
async function forgetRunc(stateDir: string): Promise<boolean> {
  const text = await readFile(join(stateDir, "state.json"), "utf8").catch(() => undefined);
  if (text === undefined) return false;
  try {
    const state: unknown = JSON.parse(text);
    if (typeof state !== "object" || state === null || !("cgroup_paths" in state)) return false;
    const { cgroup_paths: paths } = state;
    if (typeof paths !== "object" || paths === null) return false;
    for (const path of Object.values(paths)) {
      if (typeof path !== "string") return false;
      if (readProcesses(path).length > 0) return false;
      removeCgroup(path);
    }
    await unlink(join(stateDir, "exec.fifo")).catch(() => {});
    await rm(stateDir, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

/** The same for crun, whose cgroups the caller removes. */
async function forgetCrun(stateDir: string): Promise<boolean> {
  const text = await readFile(join(stateDir, "status"), "utf8").catch(() => undefined);
  const pid = Number(/"pid"\s*:\s*(\d+)/.exec(text ?? "")?.[1] ?? 0);
  if (pid === 0 || existsSync(`/proc/${pid}`)) return false;
  await rm(stateDir, { recursive: true, force: true });
  return true;
}

function readProcesses(cgroup: string): readonly string[] {
  try {
    return readFileSync(join(cgroup, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function removeCgroup(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
