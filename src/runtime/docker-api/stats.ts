import { compact } from "../../lib/compact.ts";
import type { ContainerStats, CpuStats } from "../index.ts";
import { timeFromWire, timeToWire } from "./time.ts";
import type { WireObject } from "./wire-object.ts";

type Wire = Readonly<Record<string, unknown>>;
type NetworkStats = ContainerStats["networks"][string];

const NO_CPU: Wire = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};

/** One sample. Of a container that does not run Docker tells nothing but zeros. */
export function statsToWire(
  stats: ContainerStats,
  container: { readonly id: string; readonly name: string },
): Wire {
  const isRunning = stats.pids > 0 || stats.cpu.systemNs > 0;
  return compact<Record<string, unknown>>({
    name: `/${container.name}`,
    id: container.id,
    read: isRunning ? stats.readAt.toISOString() : timeToWire(undefined),
    preread: timeToWire(stats.previousReadAt),
    pids_stats: isRunning
      ? compact<Record<string, unknown>>({ current: stats.pids, limit: stats.pidsLimit })
      : {},
    blkio_stats: blockIoToWire(stats, isRunning),
    num_procs: 0,
    storage_stats: {},
    cpu_stats: isRunning ? cpuToWire(stats.cpu) : NO_CPU,
    precpu_stats: stats.previousCpu === undefined ? NO_CPU : cpuToWire(stats.previousCpu),
    memory_stats: isRunning
      ? compact<Record<string, unknown>>({
          usage: stats.memory.usageBytes,
          max_usage: stats.memory.maxUsageBytes,
          stats: stats.memory.stats,
          failcnt: stats.memory.failures || undefined,
          limit: stats.memory.limitBytes,
        })
      : {},
    networks: Object.keys(stats.networks).length === 0 ? undefined : networksToWire(stats.networks),
  });
}

function cpuToWire(cpu: CpuStats): Wire {
  return {
    cpu_usage: compact<Record<string, unknown>>({
      total_usage: cpu.totalNs,
      percpu_usage: cpu.perCpuNs,
      usage_in_kernelmode: cpu.kernelNs,
      usage_in_usermode: cpu.userNs,
    }),
    system_cpu_usage: cpu.systemNs,
    online_cpus: cpu.onlineCpus,
    throttling_data: {
      periods: cpu.throttling.periods,
      throttled_periods: cpu.throttling.throttledPeriods,
      throttled_time: cpu.throttling.throttledNs,
    },
  };
}

function blockIoToWire(stats: ContainerStats, isRunning: boolean): Wire {
  const none = isRunning ? [] : null;
  return {
    io_service_bytes_recursive: isRunning
      ? stats.blockIo.map(({ major, minor, op, value }) => ({ major, minor, op, value }))
      : null,
    io_serviced_recursive: none,
    io_queue_recursive: none,
    io_service_time_recursive: none,
    io_wait_time_recursive: none,
    io_merged_recursive: none,
    io_time_recursive: none,
    sectors_recursive: none,
  };
}

function networksToWire(networks: ContainerStats["networks"]): Wire {
  return Object.fromEntries(
    Object.entries(networks).map(([name, network]) => [
      name,
      {
        rx_bytes: network.rxBytes,
        rx_packets: network.rxPackets,
        rx_errors: network.rxErrors,
        rx_dropped: network.rxDropped,
        tx_bytes: network.txBytes,
        tx_packets: network.txPackets,
        tx_errors: network.txErrors,
        tx_dropped: network.txDropped,
      },
    ]),
  );
}

export function statsFromWire(body: WireObject): ContainerStats {
  const memory = body.object("memory_stats");
  const pids = body.object("pids_stats");
  const previousReadAt = timeFromWire(body.text("preread"));
  return compact<ContainerStats>({
    readAt: timeFromWire(body.text("read")) ?? new Date(0),
    previousReadAt,
    pids: pids.number("current") ?? 0,
    pidsLimit: pids.amount("limit"),
    cpu: cpuFromWire(body.object("cpu_stats")),
    previousCpu: previousReadAt === undefined ? undefined : cpuFromWire(body.object("precpu_stats")),
    memory: compact<ContainerStats["memory"]>({
      usageBytes: memory.number("usage") ?? 0,
      limitBytes: memory.number("limit") ?? 0,
      maxUsageBytes: memory.number("max_usage"),
      failures: memory.number("failcnt"),
      stats: numbersOf(memory.object("stats")),
    }),
    blockIo: body
      .object("blkio_stats")
      .objects("io_service_bytes_recursive")
      .map((entry) => ({
        major: entry.number("major") ?? 0,
        minor: entry.number("minor") ?? 0,
        op: entry.text("op") ?? "",
        value: entry.number("value") ?? 0,
      })),
    networks: Object.fromEntries(
      body.members("networks").map(([name, network]) => [name, networkFromWire(network)]),
    ),
  });
}

function cpuFromWire(cpu: WireObject): CpuStats {
  const usage = cpu.object("cpu_usage");
  const throttling = cpu.object("throttling_data");
  return compact<CpuStats>({
    totalNs: usage.number("total_usage") ?? 0,
    perCpuNs: usage.numbers("percpu_usage"),
    kernelNs: usage.number("usage_in_kernelmode") ?? 0,
    userNs: usage.number("usage_in_usermode") ?? 0,
    systemNs: cpu.number("system_cpu_usage") ?? 0,
    onlineCpus: cpu.number("online_cpus") ?? 0,
    throttling: {
      periods: throttling.number("periods") ?? 0,
      throttledPeriods: throttling.number("throttled_periods") ?? 0,
      throttledNs: throttling.number("throttled_time") ?? 0,
    },
  });
}

function networkFromWire(network: WireObject): NetworkStats {
  return {
    rxBytes: network.number("rx_bytes") ?? 0,
    rxPackets: network.number("rx_packets") ?? 0,
    rxErrors: network.number("rx_errors") ?? 0,
    rxDropped: network.number("rx_dropped") ?? 0,
    txBytes: network.number("tx_bytes") ?? 0,
    txPackets: network.number("tx_packets") ?? 0,
    txErrors: network.number("tx_errors") ?? 0,
    txDropped: network.number("tx_dropped") ?? 0,
  };
}

function numbersOf(object: WireObject): Readonly<Record<string, number>> {
  return Object.fromEntries(object.keys().map((key) => [key, object.number(key) ?? 0]));
}
