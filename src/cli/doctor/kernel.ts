import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { type Check, type DoctorContext, type Finding, run, textOf } from "./check.ts";

const LEAST_KERNEL = 5.4;

export const checkKernel: Check = async ({ installer }) => {
  const version = release();
  const isOld = Number.parseFloat(version) < LEAST_KERNEL && !/^\d{2,}\./.test(version);
  const base: Finding = {
    id: "kernel",
    title: "Kernel",
    status: isOld ? "error" : "ok",
    found: `Linux ${version}`,
    ...(isOld && { problem: `the engine needs ${LEAST_KERNEL} or newer` }),
  };
  return [base, await seccomp(), ...(await apparmor(installer)), await cgroups()];
};

async function seccomp(): Promise<Finding> {
  const isThere = /^Seccomp:/m.test(await textOf("/proc/self/status"));
  return {
    id: "seccomp",
    title: "seccomp",
    status: isThere ? "ok" : "error",
    found: isThere ? "available" : "missing",
    ...(!isThere && { problem: "the kernel was built without it: containers cannot be confined" }),
  };
}

/** Nothing to say where the kernel has none. */
async function apparmor(installer: DoctorContext["installer"]): Promise<readonly Finding[]> {
  if (!(await textOf("/sys/module/apparmor/parameters/enabled")).startsWith("Y")) return [];
  const base = { id: "apparmor", title: "AppArmor" };
  if ((await run("apparmor_parser", ["--version"])).code === 0)
    return [{ ...base, status: "ok", found: "confines containers" }];
  return [
    {
      ...base,
      status: "warning",
      found: "no apparmor_parser",
      problem: "profiles cannot be loaded: containers run without one",
      fix: installer.command("apparmor"),
    },
  ];
}

const CONTROLLERS = ["cpu", "memory", "pids"] as const;

async function cgroups(): Promise<Finding> {
  const base = { id: "cgroups", title: "cgroups" };
  const [unified, table, mounts] = await Promise.all([
    textOf("/sys/fs/cgroup/cgroup.controllers"),
    textOf("/proc/cgroups"),
    textOf("/proc/self/mountinfo"),
  ]);
  if (unified !== "") {
    const missing = CONTROLLERS.filter((name) => !unified.split(/\s+/).includes(name));
    return missing.length === 0
      ? { ...base, status: "ok", found: "v2" }
      : {
          ...base,
          status: "warning",
          found: "v2",
          problem: `without ${missing.join(", ")}: such limits have no effect`,
        };
  }
  const mounted = (name: string) => new RegExp(`- cgroup \\S+ \\S*\\b${name}\\b`).test(mounts);
  if (!CONTROLLERS.some(mounted)) {
    return {
      ...base,
      status: "error",
      found: "not mounted",
      problem: "the engine puts each container into a cgroup",
      fix: "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
    };
  }
  const missing = CONTROLLERS.filter((name) => !mounted(name));
  const hybrid = mounts.includes("- cgroup2 ") ? "v1 (hybrid)" : "v1";
  const off = CONTROLLERS.filter((name) => new RegExp(`^${name}\\s+\\d+\\s+\\d+\\s+0$`, "m").test(table));
  return missing.length === 0 && off.length === 0
    ? { ...base, status: "ok", found: hybrid }
    : {
        ...base,
        status: "warning",
        found: hybrid,
        problem: `without ${[...new Set([...missing, ...off])].join(", ")}: such limits have no effect`,
      };
}

/** Makes a bridge, a veth pair and an nftables table where nobody sees them: in a namespace that is thrown away. */
export const checkNetworking: Check = async ({ io, installer }) => {
  if (io.uid !== 0) return [];
  const script = [
    "ip link add stwdoctor0 type bridge",
    "ip link add stwdoctor1 type veth peer name stwdoctor2",
    "nft add table inet stwdoctor",
    "nft 'add chain inet stwdoctor pre { type nat hook prerouting priority dstnat; }'",
    "nft 'add map inet stwdoctor ports { type inet_proto . inet_service : ipv4_addr . inet_service; }'",
  ];
  const { code, stderr } = await run("unshare", ["--net", "sh", "-ec", script.join("\n")]);
  const base = { id: "networking", title: "bridge, veth, nftables" };
  if (code === 0) return [{ ...base, status: "ok", found: "work in a new network namespace" }];
  return [
    {
      ...base,
      status: "error",
      found: "do not work",
      problem: stderr.trim().split("\n").slice(0, 2).join("; "),
      fix: `${installer.command("nftables", "iproute2")} && modprobe -a bridge veth nf_tables nft_chain_nat`,
    },
  ];
};

/** Mounts an overlay below the data root, in a mount namespace that is thrown away. */
export const checkOverlay: Check = async ({ io, paths }) => {
  if (io.uid !== 0) return [];
  const base = { id: "overlay", title: "overlayfs" };
  await mkdir(paths.rootDir, { recursive: true, mode: 0o711 }).catch(() => {});
  const dir = await mkdtemp(join(paths.rootDir, "doctor-")).catch(() => undefined);
  if (dir === undefined) {
    return [{ ...base, status: "error", found: "not tried", problem: `cannot write to ${paths.rootDir}` }];
  }
  try {
    const script =
      'cd "$1" && mkdir l u w m && mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay m && touch m/x';
    const { code, stderr } = await run("unshare", ["--mount", "sh", "-ec", script, "sh", dir]);
    if (code === 0) return [{ ...base, status: "ok", found: `works on ${paths.rootDir}` }];
    return [
      {
        ...base,
        status: "error",
        found: "does not work",
        problem: `${stderr.trim()}: the data root must be on a file system that can be overlayed (ext4, xfs, btrfs), not on an overlay`,
        fix: "modprobe overlay, or set STOWAGE_ROOT to a folder on another file system",
      },
    ];
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
};
