import { compact } from "../../lib/compact.ts";
import type { DeviceRate, Resources, RestartPolicy } from "../index.ts";
import { RuntimeError } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

/** Undefined when no limit is said. */
export function resourcesFromWire(host: WireObject): Resources | undefined {
  const swappiness = host.number("MemorySwappiness");
  const resources = compact<Resources>({
    memoryBytes: host.amount("Memory"),
    memoryReservationBytes: host.amount("MemoryReservation"),
    memorySwapBytes: host.amount("MemorySwap"),
    memorySwappiness: swappiness === -1 ? undefined : swappiness,
    nanoCpus: host.amount("NanoCpus"),
    cpuShares: host.amount("CpuShares"),
    cpuPeriodUs: host.amount("CpuPeriod"),
    cpuQuotaUs: host.amount("CpuQuota"),
    cpuRealtimePeriodUs: host.amount("CpuRealtimePeriod"),
    cpuRealtimeRuntimeUs: host.amount("CpuRealtimeRuntime"),
    cpusetCpus: host.filled("CpusetCpus"),
    cpusetMems: host.filled("CpusetMems"),
    pidsLimit: host.amount("PidsLimit"),
    blkioWeight: host.amount("BlkioWeight"),
    blkioWeightDevices: some(
      host
        .objects("BlkioWeightDevice")
        .map((device) => ({ path: device.text("Path") ?? "", weight: device.number("Weight") ?? 0 })),
    ),
    blkioReadBps: ratesFromWire(host, "BlkioDeviceReadBps"),
    blkioWriteBps: ratesFromWire(host, "BlkioDeviceWriteBps"),
    blkioReadIops: ratesFromWire(host, "BlkioDeviceReadIOps"),
    blkioWriteIops: ratesFromWire(host, "BlkioDeviceWriteIOps"),
    oomKillDisable: host.isSet("OomKillDisable"),
  });
  return Object.keys(resources).length === 0 ? undefined : resources;
}

function ratesFromWire(host: WireObject, key: string): readonly DeviceRate[] | undefined {
  return some(
    host
      .objects(key)
      .map((device) => ({ path: device.text("Path") ?? "", rate: device.number("Rate") ?? 0 })),
  );
}

function some<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

export function resourcesToWire(resources: Resources = {}): Readonly<Record<string, unknown>> {
  return {
    CpuShares: resources.cpuShares ?? 0,
    Memory: resources.memoryBytes ?? 0,
    NanoCpus: resources.nanoCpus ?? 0,
    BlkioWeight: resources.blkioWeight ?? 0,
    BlkioWeightDevice: (resources.blkioWeightDevices ?? []).map(({ path, weight }) => ({
      Path: path,
      Weight: weight,
    })),
    BlkioDeviceReadBps: ratesToWire(resources.blkioReadBps),
    BlkioDeviceWriteBps: ratesToWire(resources.blkioWriteBps),
    BlkioDeviceReadIOps: ratesToWire(resources.blkioReadIops),
    BlkioDeviceWriteIOps: ratesToWire(resources.blkioWriteIops),
    CpuPeriod: resources.cpuPeriodUs ?? 0,
    CpuQuota: resources.cpuQuotaUs ?? 0,
    CpuRealtimePeriod: resources.cpuRealtimePeriodUs ?? 0,
    CpuRealtimeRuntime: resources.cpuRealtimeRuntimeUs ?? 0,
    CpusetCpus: resources.cpusetCpus ?? "",
    CpusetMems: resources.cpusetMems ?? "",
    MemoryReservation: resources.memoryReservationBytes ?? 0,
    MemorySwap: resources.memorySwapBytes ?? 0,
    MemorySwappiness: resources.memorySwappiness ?? null,
    OomKillDisable: resources.oomKillDisable ?? false,
    PidsLimit: resources.pidsLimit ?? null,
  };
}

function ratesToWire(rates: readonly DeviceRate[] = []): readonly unknown[] {
  return rates.map(({ path, rate }) => ({ Path: path, Rate: rate }));
}

/** Undefined for "not said" (an empty name), which the engine takes as `no`. */
export function restartPolicyFromWire(policy: WireObject): RestartPolicy | undefined {
  const name = policy.text("Name") ?? "";
  const maximumRetryCount = policy.number("MaximumRetryCount") ?? 0;
  switch (name) {
    case "":
      return undefined;
    case "no":
    case "always":
    case "unless-stopped":
      if (maximumRetryCount > 0)
        throw new RuntimeError(
          "invalid",
          "invalid restart policy: maximum retry count can only be used with 'on-failure'",
        );
      return { name };
    case "on-failure":
      if (maximumRetryCount < 0)
        throw new RuntimeError("invalid", "invalid restart policy: maximum retry count cannot be negative");
      return { name, maximumRetryCount };
    default:
      throw new RuntimeError(
        "invalid",
        `invalid restart policy: unknown policy '${name}'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'`,
      );
  }
}

export function restartPolicyToWire(policy: RestartPolicy | undefined): Readonly<Record<string, unknown>> {
  return {
    Name: policy?.name ?? "",
    MaximumRetryCount: policy?.name === "on-failure" ? policy.maximumRetryCount : 0,
  };
}
