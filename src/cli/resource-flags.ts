import type { Command } from "commander";
import type { Resources, RestartPolicy } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";
import { integer } from "./globals.ts";
import { parseBytes } from "./parse-mount.ts";

/** What a container has from its beginning, and `update` changes later. */
export interface ResourceFlags {
  readonly blkioWeight?: number;
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly cpus?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly memory?: string;
  readonly memoryReservation?: string;
  readonly memorySwap?: string;
  readonly pidsLimit?: number;
  readonly restart?: string;
}

export function declareResources(command: Command): Command {
  return command
    .option("--blkio-weight <weight>", "share of disk time, 10 to 1000", integer)
    .option("--cpu-period <microseconds>", "period of the CPU quota", integer)
    .option("--cpu-quota <microseconds>", "CPU time in each period", integer)
    .option("-c, --cpu-shares <shares>", "share of CPU time", integer)
    .option("--cpus <number>", "at most so many CPUs", Number)
    .option("--cpuset-cpus <list>", "only these CPUs")
    .option("--cpuset-mems <list>", "only these memory nodes")
    .option("-m, --memory <bytes>", "memory limit")
    .option("--memory-reservation <bytes>", "memory it is left when memory is short")
    .option("--memory-swap <bytes>", "limit of memory and swap together, -1 for no limit")
    .option("--pids-limit <count>", "at most so many processes", integer)
    .option("--restart <policy>", "no, always, unless-stopped or on-failure[:n]");
}

export function resourcesOf(flags: ResourceFlags): Resources {
  return {
    ...(flags.blkioWeight !== undefined && { blkioWeight: flags.blkioWeight }),
    ...(flags.cpuPeriod !== undefined && { cpuPeriodUs: flags.cpuPeriod }),
    ...(flags.cpuQuota !== undefined && { cpuQuotaUs: flags.cpuQuota }),
    ...(flags.cpuShares !== undefined && { cpuShares: flags.cpuShares }),
    ...(flags.cpus !== undefined && { nanoCpus: Math.round(flags.cpus * 1e9) }),
    ...(flags.cpusetCpus !== undefined && { cpusetCpus: flags.cpusetCpus }),
    ...(flags.cpusetMems !== undefined && { cpusetMems: flags.cpusetMems }),
    ...(flags.memory !== undefined && { memoryBytes: parseBytes(flags.memory) }),
    ...(flags.memoryReservation !== undefined && {
      memoryReservationBytes: parseBytes(flags.memoryReservation),
    }),
    ...(flags.memorySwap !== undefined && {
      memorySwapBytes: flags.memorySwap === "-1" ? -1 : parseBytes(flags.memorySwap),
    }),
    ...(flags.pidsLimit !== undefined && { pidsLimit: flags.pidsLimit }),
  };
}

export function restartOf(text: string): RestartPolicy {
  const [name, count] = text.split(":");
  if (name === "no" || name === "always" || name === "unless-stopped") return { name };
  if (name === "on-failure") return { name, maximumRetryCount: Number(count ?? 0) };
  throw usageError(`Invalid restart policy "${text}": it is no, always, unless-stopped or on-failure[:n]`);
}
