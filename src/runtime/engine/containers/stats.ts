import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerStats, CpuStats } from "../../index.ts";
import { type Cgroups, readIfThere } from "./cgroups.ts";
import type { Container, Run } from "./container.ts";
import type { ContainersContext } from "./context.ts";

const INTERVAL_MS = 1000;
/** Nanoseconds of one tick of /proc/stat and cpuacct.stat (USER_HZ is 100 everywhere). */
const TICK_NS = 10_000_000;

export interface StatsOptions {
  readonly stream?: boolean;
  readonly oneShot?: boolean;
  readonly signal?: AbortSignal;
}

/** See `Containers.stats`. Reads the cgroup's files itself. */
export async function* statsOf(
  ctx: ContainersContext,
  nameOrId: string,
  { stream = true, oneShot = false, signal }: StatsOptions = {},
): AsyncGenerator<ContainerStats, void, void> {
  const container = ctx.table.find(nameOrId);
  const removal = new AbortController();
  const end = AbortSignal.any([removal.signal, ...(signal === undefined ? [] : [signal])]);
  const unsubscribe = container.onRemoval(() => removal.abort());
  let previous: ContainerStats | undefined;
  try {
    if (!stream && !oneShot && container.run !== undefined) {
      previous = sample(ctx.cgroups, container, undefined);
      if (!(await pause(end))) return;
    }
    for (;;) {
      const present = sample(ctx.cgroups, container, previous);
      yield present;
      previous = present;
      if (!stream || !(await pause(end))) return;
    }
  } finally {
    unsubscribe();
  }
}

/** False when the signal came first. */
async function pause(signal: AbortSignal): Promise<boolean> {
  return sleep(INTERVAL_MS, true, { signal }).catch(() => false);
}

function sample(cgroups: Cgroups, { run }: Container, previous: ContainerStats | undefined): ContainerStats {
  const readAt = new Date();
  const before = previous === undefined ? {} : { previousReadAt: previous.readAt, previousCpu: previous.cpu };
  if (run === undefined) return { ...NOTHING, readAt, ...before };
  const read = cgroups.version === "2" ? readVersion2 : readVersion1;
  return { readAt, ...before, ...read(cgroups, run.cgroupsPath), networks: networksOf(run) };
}

const NO_CPU: CpuStats = {
  totalNs: 0,
  kernelNs: 0,
  userNs: 0,
  systemNs: 0,
  onlineCpus: 0,
  throttling: { periods: 0, throttledPeriods: 0, throttledNs: 0 },
};

const NOTHING: Omit<ContainerStats, "readAt"> = {
  pids: 0,
  cpu: NO_CPU,
  memory: { usageBytes: 0, limitBytes: 0, stats: {} },
  blockIo: [],
  networks: {},
};

type GroupStats = Omit<ContainerStats, "readAt" | "previousReadAt" | "previousCpu" | "networks">;

function readVersion1(cgroups: Cgroups, path: string): GroupStats {
  const file = (controller: string, name: string) =>
    readIfThere(join(cgroups.folder(path, controller) ?? "/nonexistent", name)) ?? "";
  const cpuTicks = keyed(file("cpuacct", "cpuacct.stat"));
  const throttling = keyed(file("cpu", "cpu.stat"));
  const perCpuNs = file("cpuacct", "cpuacct.usage_percpu").trim().split(/\s+/).filter(Boolean).map(Number);
  const memoryStat = keyed(file("memory", "memory.stat"));
  return {
    pids: Number(file("pids", "pids.current")),
    ...pidsLimit(file("pids", "pids.max")),
    cpu: {
      totalNs: Number(file("cpuacct", "cpuacct.usage")),
      perCpuNs: perCpuNs.slice(0, availableParallelism()),
      kernelNs: (cpuTicks["system"] ?? 0) * TICK_NS,
      userNs: (cpuTicks["user"] ?? 0) * TICK_NS,
      ...machineCpu(),
      throttling: {
        periods: throttling["nr_periods"] ?? 0,
        throttledPeriods: throttling["nr_throttled"] ?? 0,
        throttledNs: throttling["throttled_time"] ?? 0,
      },
    },
    memory: {
      usageBytes: Number(file("memory", "memory.usage_in_bytes")),
      maxUsageBytes: Number(file("memory", "memory.max_usage_in_bytes")),
      failures: Number(file("memory", "memory.failcnt")),
      limitBytes: Math.min(Number(file("memory", "memory.limit_in_bytes")) || totalmem(), totalmem()),
      stats: memoryStat,
    },
    blockIo: blockIoVersion1(file("blkio", "blkio.throttle.io_service_bytes_recursive")),
  };
}

function readVersion2(cgroups: Cgroups, path: string): GroupStats {
  const folder = cgroups.folder(path, "") ?? "/nonexistent";
  const file = (name: string) => readIfThere(join(folder, name)) ?? "";
  const cpu = keyed(file("cpu.stat"));
  const limit = file("memory.max").trim();
  return {
    pids: Number(file("pids.current")),
    ...pidsLimit(file("pids.max")),
    cpu: {
      totalNs: (cpu["usage_usec"] ?? 0) * 1000,
      kernelNs: (cpu["system_usec"] ?? 0) * 1000,
      userNs: (cpu["user_usec"] ?? 0) * 1000,
      ...machineCpu(),
      throttling: {
        periods: cpu["nr_periods"] ?? 0,
        throttledPeriods: cpu["nr_throttled"] ?? 0,
        throttledNs: (cpu["throttled_usec"] ?? 0) * 1000,
      },
    },
    memory: {
      usageBytes: Number(file("memory.current")),
      limitBytes: limit === "max" || limit === "" ? totalmem() : Math.min(Number(limit), totalmem()),
      stats: keyed(file("memory.stat")),
    },
    blockIo: blockIoVersion2(file("io.stat")),
  };
}

function pidsLimit(text: string): { pidsLimit?: number } {
  const limit = Number(text.trim());
  return text.trim() === "" || Number.isNaN(limit) ? {} : { pidsLimit: limit };
}

/** `key value` lines. */
export function keyed(text: string): Record<string, number> {
  return Object.fromEntries(
    text
      .split("\n")
      .map((line) => line.split(" "))
      .filter((words) => words.length === 2)
      .map(([key = "", value]) => [key, Number(value)]),
  );
}

/** `8:0 Read 4096` */
function blockIoVersion1(text: string): ContainerStats["blockIo"] {
  return text.split("\n").flatMap((line) => {
    const [, major, minor, op, value] = /^(\d+):(\d+) (\w+) (\d+)$/.exec(line) ?? [];
    if (op === undefined) return [];
    return [{ major: Number(major), minor: Number(minor), op: op.toLowerCase(), value: Number(value) }];
  });
}

/** `8:0 rbytes=4096 wbytes=0 rios=1 ...` */
function blockIoVersion2(text: string): ContainerStats["blockIo"] {
  return text.split("\n").flatMap((line) => {
    const [, major, minor, rest = ""] = /^(\d+):(\d+) (.*)$/.exec(line) ?? [];
    const numbers = { major: Number(major), minor: Number(minor) };
    const names = { rbytes: "read", wbytes: "write" };
    return Object.entries(names).flatMap(([key, op]) => {
      const value = new RegExp(`(?:^| )${key}=(\\d+)`).exec(rest)?.[1];
      return value === undefined ? [] : [{ ...numbers, op, value: Number(value) }];
    });
  });
}

function machineCpu(): Pick<CpuStats, "systemNs" | "onlineCpus"> {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  // user nice system idle iowait irq softirq steal; guest times are within user already.
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return {
    systemNs: ticks.reduce((sum, value) => sum + value, 0) * TICK_NS,
    onlineCpus: availableParallelism(),
  };
}

/** Of a network namespace of its own only: the machine's traffic is nobody's share. */
function networksOf({ pid, sandbox }: Run): ContainerStats["networks"] {
  if (sandbox.netnsPath === undefined) return {};
  const found: Record<string, ContainerStats["networks"][string]> = {};
  for (const line of (readIfThere(`/proc/${pid}/net/dev`) ?? "").split("\n")) {
    const [, name, counters = ""] = /^\s*([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined || name === "lo") continue;
    const n = counters.trim().split(/\s+/).map(Number);
    found[name] = {
      rxBytes: n[0] ?? 0,
      rxPackets: n[1] ?? 0,
      rxErrors: n[2] ?? 0,
      rxDropped: n[3] ?? 0,
      txBytes: n[8] ?? 0,
      txPackets: n[9] ?? 0,
      txErrors: n[10] ?? 0,
      txDropped: n[11] ?? 0,
    };
  }
  return found;
}
