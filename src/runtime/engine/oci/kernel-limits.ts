import { existsSync, readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** What this machine's cgroups can limit, and what there is to be shared out. */
export interface KernelLimits {
  readonly cpuCount: number;
  /** As cpuset(7) lists them: `0-3,8`. */
  readonly cpus: string;
  readonly memoryNodes: string;
  readonly hasOomKillDisable: boolean;
  readonly hasSwappiness: boolean;
  readonly hasRealtime: boolean;
  /** Whether the share of one disk's time can be set: the weight of all of them always can. */
  readonly hasDeviceWeights: boolean;
}

const V1 = "/sys/fs/cgroup";

/** As dockerd's `pkg/sysinfo` finds out. */
export function readKernelLimits(cgroupVersion: "1" | "2"): KernelLimits {
  const has = (file: string) => cgroupVersion === "1" && existsSync(`${V1}/${file}`);
  const set = (name: string) =>
    firstLine(`${V1}/${cgroupVersion === "1" ? `cpuset/cpuset.${name}` : `cpuset.${name}.effective`}`);
  return {
    cpuCount: availableParallelism(),
    cpus: set("cpus") ?? firstLine("/sys/devices/system/cpu/online") ?? "0",
    memoryNodes: set("mems") ?? firstLine("/sys/devices/system/node/online") ?? "0",
    hasOomKillDisable: has("memory/memory.oom_control"),
    hasSwappiness: has("memory/memory.swappiness"),
    hasRealtime: has("cpu/cpu.rt_period_us"),
    hasDeviceWeights: has("blkio/blkio.weight_device") || someDiskIsSharedByWeight(),
  };
}

/** BFQ alone gives a disk's time out by weights. */
function someDiskIsSharedByWeight(): boolean {
  const disks = existsSync("/sys/block") ? readdirSync("/sys/block") : [];
  return disks.some((name) => firstLine(`/sys/block/${name}/queue/scheduler`)?.includes("[bfq]") === true);
}

function firstLine(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").split("\n")[0] || undefined;
  } catch {
    return undefined;
  }
}
