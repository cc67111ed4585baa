import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { type DiskLayout, diskLayout } from "../../src/runtime/engine/disk-layout.ts";

/** Everything on the machine that belongs to one engine, each thing as one line of text. */
export type Inventory = readonly string[];

/**
 * What an engine with these folders has on the machine now: mounts in every mount namespace, network namespaces,
 * links, packet filter elements, cgroups of every hierarchy, processes, files. Take it before and after; what is
 * in the second and not in the first has leaked.
 */
export function takeInventory(rootDir: string, runDir: string): Inventory {
  const layout = diskLayout(rootDir, runDir);
  return [
    ...mounts(layout),
    ...links(layout),
    ...filterElements(layout),
    ...cgroups(layout),
    ...processes(layout),
    ...files(layout),
  ].sort();
}

export function leaks(before: Inventory, after: Inventory): Inventory {
  const known = new Set(before);
  return after.filter((line) => !known.has(line));
}

/**
 * Gone a moment after us: a monitor ends when it has told its container's end; a mount namespace that somebody on the
 * machine has just made holds a copy of every mount there was.
 */
export function isOfOthers(line: string): boolean {
  return line.startsWith("process ") || / in mnt:\[\d+\]$/.test(line);
}

/** Networks outlive containers: their bridge, its rules and the resolver are not a container's. */
export function isOfContainers(line: string): boolean {
  return !/^(link|nft|process .*dns-resolver|file .*\/dns\/)/.test(line);
}

/** Ours, and what other namespaces still hold though it is gone from ours. */
function mounts({ rootDir, runDir }: DiskLayout): string[] {
  const own = mountPointsOf("self", [rootDir, runDir]);
  const found = own.map((target) => `mount ${target}`);
  const seen = new Set([quietly(() => readlinkSync("/proc/self/ns/mnt"))]);
  for (const pid of pids()) {
    const namespace = quietly(() => readlinkSync(`/proc/${pid}/ns/mnt`));
    if (namespace === undefined || seen.has(namespace)) continue;
    seen.add(namespace);
    for (const target of mountPointsOf(pid, [rootDir, runDir]))
      if (!own.includes(target)) found.push(`mount ${target} in ${namespace}`);
  }
  return found;
}

function mountPointsOf(pid: string, folders: readonly string[]): readonly string[] {
  const text = quietly(() => readFileSync(`/proc/${pid}/mountinfo`, "utf8")) ?? "";
  const targets = text.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  return targets.filter((target) => folders.some((folder) => isBelow(target, folder)));
}

function links({ instance }: DiskLayout): string[] {
  return readdirSync("/sys/class/net")
    .filter((name) => name.includes(instance.slice(0, 6)))
    .map((name) => `link ${name}`);
}

function filterElements({ instance }: DiskLayout): string[] {
  const tables = (run("nft", ["list", "tables"]) ?? "").split("\n").filter((line) => line.includes(instance));
  return tables.flatMap((table) => {
    const [, family, name] = table.trim().split(/\s+/);
    if (family === undefined || name === undefined) return [];
    const text = run("nft", ["list", "table", family, name]) ?? "";
    const elements = [...text.matchAll(/(?:set|map) (\S+) \{[^}]*?elements = \{([^}]*)\}/g)];
    return elements
      .filter(([, set]) => !OF_THE_DAEMON.test(set ?? ""))
      .flatMap(([, set, list]) =>
        (list ?? "").split(",").map((element) => `nft ${name} ${set} ${element.trim().replace(/\s+/g, " ")}`),
      );
  });
}

/** The machine's own links, listed once it has been made to forward, for as long as the daemon lives. */
const OF_THE_DAEMON = /^strangers[46]$/;

function cgroups({ instance }: DiskLayout): string[] {
  const roots = ["/sys/fs/cgroup", ...readdirSync("/sys/fs/cgroup").map((name) => `/sys/fs/cgroup/${name}`)];
  return roots.flatMap((root) => folders(join(root, `stowage-${instance}`)).map((path) => `cgroup ${path}`));
}

function folders(path: string): string[] {
  const entries = quietly(() => readdirSync(path, { withFileTypes: true }));
  if (entries === undefined) return [];
  return [
    path,
    ...entries.filter((entry) => entry.isDirectory()).flatMap((entry) => folders(join(path, entry.name))),
  ];
}

function processes({ rootDir, runDir }: DiskLayout): string[] {
  return pids().flatMap((pid) => {
    if (pid === String(process.pid) || pid === String(process.ppid)) return [];
    const argv = (quietly(() => readFileSync(`/proc/${pid}/cmdline`, "utf8")) ?? "").split("\0");
    if (!argv.some((word) => word.includes(rootDir) || word.includes(runDir))) return [];
    return [`process ${pid} ${argv.slice(0, 4).join(" ")}`];
  });
}

/** Layers, blobs and images stay; what containers, networks and volumes leave must go. */
function files(layout: DiskLayout): string[] {
  const kept = [layout.containersDir, join(layout.rootDir, "rootfs"), layout.volumesDir, layout.networksDir];
  const gone = ["mounts", "bundles", "netns", "exits", "oci", "dns/sandboxes"].map((name) =>
    join(layout.runDir, name),
  );
  return [...kept, ...gone].flatMap((path) =>
    (quietly(() => readdirSync(path)) ?? [])
      .map((name) => join(path, name))
      .filter((found) => !isPredefinedNetwork(found))
      .map((found) => `file ${found}`),
  );
}

/** `bridge`, `host` and `none` are there for as long as the data root is. */
function isPredefinedNetwork(folder: string): boolean {
  const text = quietly(() => readFileSync(join(folder, "network.json"), "utf8"));
  return text !== undefined && /"name": ?"(bridge|host|none)"/.test(text);
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(`${folder}/`);
}

function pids(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name));
}

function run(file: string, args: readonly string[]): string | undefined {
  return quietly(() => execFileSync(file, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
}

function quietly<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
