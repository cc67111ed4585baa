import { readFileSync, statSync } from "node:fs";
import { arch, release } from "node:os";
import { hasAppArmor } from "./apparmor.ts";
import { capabilitiesOfMask } from "./capabilities.ts";
import { type KernelLimits, readKernelLimits } from "./kernel-limits.ts";

/** What the machine lets a container have; read once. */
export interface MachineFacts {
  readonly boundingCapabilities: ReadonlySet<string>;
  readonly kernelVersion: string;
  /** As Go names it. */
  readonly architecture: string;
  readonly cgroupVersion: "1" | "2";
  readonly limits: KernelLimits;
  /** Our own hard limits by rlimit name (`RLIMIT_NOFILE`); a process without CAP_SYS_RESOURCE cannot go above. */
  readonly hardLimits: ReadonlyMap<string, number>;
  readonly hasAppArmor: boolean;
  /** The least oom_score_adj that we may set. */
  readonly leastOomScore: number;
}

const GO_ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

export function readMachineFacts(): MachineFacts {
  const status = readFileSync("/proc/self/status", "utf8");
  const effective = capabilitiesOfMask(/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0");
  const version = cgroupVersion();
  const canRaise = effective.has("CAP_SYS_RESOURCE");
  return {
    boundingCapabilities: capabilitiesOfMask(/^CapBnd:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"),
    kernelVersion: release(),
    architecture: goArchitecture(arch()),
    cgroupVersion: version,
    limits: readKernelLimits(version),
    hardLimits: canRaise ? new Map() : parseHardLimits(readFileSync("/proc/self/limits", "utf8")),
    hasAppArmor: hasAppArmor(),
    leastOomScore: canRaise ? -1000 : Number(readFileSync("/proc/self/oom_score_adj", "utf8")),
  };
}

export function goArchitecture(nodeArchitecture: string): string {
  return GO_ARCHITECTURES[nodeArchitecture] ?? nodeArchitecture;
}

function cgroupVersion(): "1" | "2" {
  return statSync("/sys/fs/cgroup/cgroup.controllers", { throwIfNoEntry: false }) === undefined ? "1" : "2";
}

/** Names as /proc/PID/limits has them. */
const LIMIT_NAMES: Readonly<Record<string, string>> = {
  "Max cpu time": "RLIMIT_CPU",
  "Max file size": "RLIMIT_FSIZE",
  "Max data size": "RLIMIT_DATA",
  "Max stack size": "RLIMIT_STACK",
  "Max core file size": "RLIMIT_CORE",
  "Max resident set": "RLIMIT_RSS",
  "Max processes": "RLIMIT_NPROC",
  "Max open files": "RLIMIT_NOFILE",
  "Max locked memory": "RLIMIT_MEMLOCK",
  "Max address space": "RLIMIT_AS",
  "Max file locks": "RLIMIT_LOCKS",
  "Max pending signals": "RLIMIT_SIGPENDING",
  "Max msgqueue size": "RLIMIT_MSGQUEUE",
  "Max nice priority": "RLIMIT_NICE",
  "Max realtime priority": "RLIMIT_RTPRIO",
  "Max realtime timeout": "RLIMIT_RTTIME",
};

/** Unlimited ones are left out. */
export function parseHardLimits(text: string): ReadonlyMap<string, number> {
  const limits = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [, label, hard] = /^(Max .*?)\s{2,}\S+\s+(\S+)/.exec(line) ?? [];
    const name = label === undefined ? undefined : LIMIT_NAMES[label];
    if (name !== undefined && hard !== undefined && hard !== "unlimited") limits.set(name, Number(hard));
  }
  return limits;
}

export const RLIMIT_NAMES: ReadonlySet<string> = new Set(Object.values(LIMIT_NAMES));
