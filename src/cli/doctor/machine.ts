import { access, constants, statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { dirname } from "node:path";
import { readLockHolder } from "../../daemon/client.ts";
import { probe } from "../ensure-daemon.ts";
import { binarySize } from "../render/units.ts";
import { type Check, type Finding, textOf } from "./check.ts";

const LEAST_NODE = [20, 19] as const;
const LITTLE_DISK_BYTES = 2 * 1024 ** 3;
const NO_DISK_BYTES = 100 * 1024 ** 2;

export const checkNode: Check = async () => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const isNew = major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1]);
  return [
    {
      id: "node",
      title: "Node.js",
      status: isNew ? "ok" : "error",
      found: process.versions.node,
      ...(!isNew && {
        problem: `Stowage needs ${LEAST_NODE.join(".")} or newer`,
        fix: "install a newer Node.js",
      }),
    },
    ...(await Promise.all(["koffi", "node-unix-socket"].map(addOn))),
  ];
};

/** Native add-ons have ways around them, but for the socket of a container's stdin. */
async function addOn(name: string): Promise<Finding> {
  const base = { id: `add-on/${name}`, title: name };
  try {
    await import(name);
    return { ...base, status: "ok", found: "loads" };
  } catch (error) {
    return {
      ...base,
      status: name === "koffi" ? "warning" : "error",
      found: "does not load",
      problem: error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error),
      fix: "npm ci",
    };
  }
}

export const checkUser: Check = async ({ io, paths }) => {
  const base = { id: "user", title: "User" };
  if (io.uid === 0) return [{ ...base, status: "ok", found: "root" }];
  const canReach = await access(paths.socketPath, constants.W_OK).then(
    () => true,
    () => false,
  );
  if (canReach) return [{ ...base, status: "ok", found: `uid ${io.uid}, may use the daemon's socket` }];
  return [
    {
      ...base,
      status: "error",
      found: `uid ${io.uid}`,
      problem: "the engine needs root, and its socket is not open to this user",
      fix: "use sudo, or: groupadd -f stowage && usermod -aG stowage $USER",
    },
  ];
};

export const checkDisk: Check = async ({ paths }) => {
  const dir = await nearestFolder(paths.rootDir);
  const { bavail, bsize, ffree, files } = await statfs(dir);
  const free = bavail * bsize;
  const base = { id: "disk", title: "Disk space", found: `${binarySize(free, 3)} free for ${paths.rootDir}` };
  if (files > 0 && ffree < 10_000) {
    return [
      { ...base, status: "error", problem: `only ${ffree} inodes are free`, fix: "stowage system prune" },
    ];
  }
  if (free < NO_DISK_BYTES)
    return [{ ...base, status: "error", problem: "images do not fit", fix: "stowage system prune" }];
  if (free < LITTLE_DISK_BYTES) return [{ ...base, status: "warning", problem: "that is little for images" }];
  return [
    { ...base, status: "ok" },
    { id: "memory", title: "Memory", status: "ok", found: binarySize(totalmem(), 3) },
  ];
};

async function nearestFolder(path: string): Promise<string> {
  for (let dir = path; ; dir = dirname(dir)) {
    const isThere = await access(dir).then(
      () => true,
      () => false,
    );
    if (isThere || dir === dirname(dir)) return dir;
  }
}

interface Setting {
  readonly path: string;
  readonly least: number;
  readonly problem: string;
}

const SETTINGS: readonly Setting[] = [
  {
    path: "fs/inotify/max_user_instances",
    least: 128,
    problem: "containers share it: some will not be able to watch files",
  },
  {
    path: "fs/inotify/max_user_watches",
    least: 8192,
    problem: "containers share it: some will not be able to watch files",
  },
  { path: "kernel/pid_max", least: 32_768, problem: "all containers share these" },
  { path: "kernel/keys/root_maxkeys", least: 1000, problem: "each container takes a key: many cannot start" },
  { path: "user/max_net_namespaces", least: 256, problem: "each container takes one" },
];

export const checkSettings: Check = async () => {
  const findings = await Promise.all(
    SETTINGS.map(async ({ path, least, problem }): Promise<readonly Finding[]> => {
      const text = (await textOf(`/proc/sys/${path}`)).trim();
      if (text === "" || Number(text) >= least) return [];
      const name = path.replaceAll("/", ".");
      return [
        {
          id: `sysctl/${name}`,
          title: name,
          status: "warning",
          found: text,
          problem,
          fix: `sysctl -w ${name}=${least}`,
        },
      ];
    }),
  );
  const low = findings.flat();
  return low.length > 0
    ? low
    : [{ id: "sysctl", title: "/proc settings", status: "ok", found: "high enough" }];
};

export const checkResolver: Check = async () => {
  const servers = [...(await textOf("/etc/resolv.conf")).matchAll(/^nameserver\s+(\S+)/gm)].map(
    (match) => match[1],
  );
  return [
    {
      id: "resolver",
      title: "Name servers",
      status: servers.length === 0 ? "warning" : "ok",
      found: servers.length === 0 ? "none in /etc/resolv.conf" : servers.join(", "),
      ...(servers.length === 0 && { problem: "containers will not find names outside their stack" }),
    },
  ];
};

export const checkDaemon: Check = async ({ paths }) => {
  const state = await probe(paths.socketPath);
  const base = { id: "daemon", title: "Daemon" };
  const holder = readLockHolder(paths.rootLockPath);
  switch (state) {
    case "answers":
      return [
        {
          ...base,
          status: "ok",
          found: `answers on ${paths.socketPath}${holder === undefined ? "" : ` (pid ${holder.pid})`}`,
        },
      ];
    case "missing":
      return [{ ...base, status: "ok", found: "not running: the first command that needs it starts it" }];
    case "stale":
      return [
        {
          ...base,
          status: "ok",
          found: `not running; ${paths.socketPath} is a leftover and will be replaced`,
        },
      ];
    case "denied":
      return [
        {
          ...base,
          status: "warning",
          found: "unknown",
          problem: `no permission for ${paths.socketPath}`,
          fix: "use sudo",
        },
      ];
  }
};
