import { type Resources, RuntimeError } from "../../index.ts";
import type { KernelLimits } from "../oci/kernel-limits.ts";

const MIN_MEMORY_BYTES = 6 << 20;
/** Of a processor or a memory node: dockerd's bound. */
const MAX_NUMBER = 8192;

export interface SettledResources {
  /** What this kernel can give. */
  readonly resources: Resources;
  /** What of it was left out, and why. */
  readonly warnings: readonly string[];
}

/**
 * `invalid` for what no container can have on this machine, in dockerd's words (`daemon_unix.go`,
 * `verifyPlatformContainerResources`); what only this kernel lacks is left out with a warning.
 */
export function settleResources(asked: Resources, kernel: KernelLimits): SettledResources {
  const { resources, warnings } = withoutMissing(asked, kernel);
  checkMemory(resources);
  checkCpu(resources, kernel);
  checkSets(resources, kernel);
  const { blkioWeight = 0 } = resources;
  if (blkioWeight !== 0 && (blkioWeight < 10 || blkioWeight > 1000))
    throw invalid("Range of blkio weight is from 10 to 1000");
  return { resources, warnings };
}

/**
 * What a container has after an update: what it had, with what is asked for over it. `invalid` as in `settleResources`;
 * `conflict` for what contradicts what it had (dockerd's `container_unix.go`, `UpdateContainer`).
 */
export function settleUpdate(had: Resources, asked: Resources, kernel: KernelLimits): SettledResources {
  const { nanoCpus = 0, cpuPeriodUs = 0, cpuQuotaUs = 0, memoryBytes = 0, memorySwapBytes = 0 } = asked;
  const refuse = (what: string, other: string) => {
    throw conflict(`Conflicting options: ${what} cannot be updated as ${other} has already been set`);
  };
  if (nanoCpus > 0 && (had.cpuPeriodUs ?? 0) > 0) refuse("Nano CPUs", "CPU Period");
  if (nanoCpus > 0 && (had.cpuQuotaUs ?? 0) > 0) refuse("Nano CPUs", "CPU Quota");
  if (cpuPeriodUs > 0 && (had.nanoCpus ?? 0) > 0) refuse("CPU Period", "NanoCPUs");
  if (cpuQuotaUs > 0 && (had.nanoCpus ?? 0) > 0) refuse("CPU Quota", "NanoCPUs");
  const hadSwapBytes = had.memorySwapBytes ?? 2 * (had.memoryBytes ?? 0);
  if (memorySwapBytes === 0 && hadSwapBytes > 0 && memoryBytes > hadSwapBytes)
    throw conflict(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  const swap = memoryBytes > 0 && hadSwapBytes > 0 ? { memorySwapBytes: hadSwapBytes } : {};
  return settleResources({ ...had, ...swap, ...asked }, kernel);
}

function withoutMissing(asked: Resources, kernel: KernelLimits): SettledResources {
  const { memorySwappiness = -1, oomKillDisable = false, blkioWeightDevices = [], ...others } = asked;
  const swappiness = memorySwappiness === -1 ? {} : { memorySwappiness };
  const oom = oomKillDisable ? { oomKillDisable } : {};
  const weights = blkioWeightDevices.length === 0 ? {} : { blkioWeightDevices };
  const without = "capabilities or the cgroup is not mounted";
  const parts = [
    [swappiness, kernel.hasSwappiness, `memory swappiness ${without}. Memory swappiness discarded.`],
    [oom, kernel.hasOomKillDisable, "OomKillDisable. OomKillDisable discarded."],
    [
      weights,
      kernel.hasDeviceWeights,
      "Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    ],
  ] as const;
  const missing = parts.filter(([part, isThere]) => !isThere && Object.keys(part).length > 0);
  const isUnbounded = oomKillDisable && kernel.hasOomKillDisable && (others.memoryBytes ?? 0) === 0;
  return {
    resources: Object.assign({}, others, ...parts.map(([part, isThere]) => (isThere ? part : {}))),
    warnings: [
      ...missing.map(([, , what]) => `Your kernel does not support ${what}`),
      ...(isUnbounded
        ? [
            "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
          ]
        : []),
    ],
  };
}

function checkMemory(resources: Resources): void {
  const { memoryBytes = 0, memorySwapBytes = 0, memoryReservationBytes = 0 } = resources;
  const { memorySwappiness = 0 } = resources;
  if (memoryBytes !== 0 && memoryBytes < MIN_MEMORY_BYTES)
    throw invalid("Minimum memory limit allowed is 6MB");
  if (memorySwapBytes > 0 && memoryBytes > 0 && memorySwapBytes < memoryBytes)
    throw invalid("Minimum memoryswap limit should be larger than memory limit, see usage");
  if (memorySwapBytes > 0 && memoryBytes === 0)
    throw invalid("You should always set the Memory limit when using Memoryswap limit, see usage");
  if (memorySwappiness < 0 || memorySwappiness > 100)
    throw invalid(`Invalid value: ${memorySwappiness}, valid memory swappiness range is 0-100`);
  if (memoryReservationBytes > 0 && memoryReservationBytes < MIN_MEMORY_BYTES)
    throw invalid("Minimum memory reservation allowed is 6MB");
  if (memoryReservationBytes > 0 && memoryBytes > 0 && memoryReservationBytes > memoryBytes)
    throw invalid("Minimum memory limit can not be less than memory reservation limit, see usage");
}

function checkCpu(resources: Resources, { cpuCount, hasRealtime }: KernelLimits): void {
  const { nanoCpus = 0, cpuShares = 0, cpuPeriodUs = 0, cpuQuotaUs = 0 } = resources;
  const { cpuRealtimePeriodUs = 0, cpuRealtimeRuntimeUs = 0 } = resources;
  if (nanoCpus > 0 && cpuPeriodUs > 0)
    throw invalid("Conflicting options: Nano CPUs and CPU Period cannot both be set");
  if (nanoCpus > 0 && cpuQuotaUs > 0)
    throw invalid("Conflicting options: Nano CPUs and CPU Quota cannot both be set");
  if (nanoCpus < 0 || nanoCpus > cpuCount * 1e9)
    throw invalid(
      `range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`,
    );
  if (cpuPeriodUs !== 0 && (cpuPeriodUs < 1_000 || cpuPeriodUs > 1_000_000))
    throw invalid("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)");
  if (cpuQuotaUs > 0 && cpuQuotaUs < 1_000)
    throw invalid("CPU cfs quota can not be less than 1ms (i.e. 1000)");
  if (cpuShares < 0) throw invalid(`invalid CPU shares (${cpuShares}): value must be a positive integer`);
  if (!hasRealtime && (cpuRealtimePeriodUs !== 0 || cpuRealtimeRuntimeUs !== 0))
    throw invalid("kernel does not support CPU real-time scheduler");
}

function checkSets({ cpusetCpus = "", cpusetMems = "" }: Resources, kernel: KernelLimits): void {
  checkSet({ asked: cpusetCpus, there: kernel.cpus, kind: "cpus", name: "CPUs" });
  checkSet({ asked: cpusetMems, there: kernel.memoryNodes, kind: "mems", name: "memory nodes" });
}

interface SetCheck {
  readonly asked: string;
  readonly there: string;
  readonly kind: string;
  readonly name: string;
}

function checkSet({ asked, there, kind, name }: SetCheck): void {
  const available = numbersOf(there);
  if (typeof available === "string") return;
  const numbers = numbersOf(asked);
  if (typeof numbers === "string") throw invalid(`Invalid value ${asked} for cpuset ${kind}: ${numbers}`);
  if ([...numbers].some((number) => !available.has(number)))
    throw invalid(`Requested ${name} are not available - requested ${asked}, available: ${there}`);
}

/** `0-2,7` as numbers, or what is wrong with it. */
function numbersOf(list: string): ReadonlySet<number> | string {
  const numbers = new Set<number>();
  for (const range of list === "" ? [] : list.split(",")) {
    const [, first = "", last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === "" || Number(last) < Number(first)) return `invalid format: ${list}`;
    if (Number(last) > MAX_NUMBER) return `value of out range, maximum is ${MAX_NUMBER}`;
    for (let number = Number(first); number <= Number(last); number++) numbers.add(number);
  }
  return numbers;
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}

function conflict(message: string): RuntimeError {
  return new RuntimeError("conflict", message);
}
