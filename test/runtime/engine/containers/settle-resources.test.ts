import { describe, expect, it } from "vitest";
import { settleResources, settleUpdate } from "../../../../src/runtime/engine/containers/settle-resources.ts";
import type { KernelLimits } from "../../../../src/runtime/engine/oci/kernel-limits.ts";
import type { Resources } from "../../../../src/runtime/index.ts";
import { VERSION_1_LIMITS as version1 } from "../../../support/kernel-limits.ts";

const MIB = 1 << 20;
const version2: KernelLimits = {
  ...version1,
  hasOomKillDisable: false,
  hasSwappiness: false,
  hasRealtime: false,
  hasDeviceWeights: false,
};

describe("settleResources", () => {
  it.each<[Resources, string]>([
    [{ nanoCpus: 2.001e9 }, "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"],
    [{ nanoCpus: -1 }, "range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available"],
    [
      { nanoCpus: 1e9, cpuPeriodUs: 5_000 },
      "Conflicting options: Nano CPUs and CPU Period cannot both be set",
    ],
    [{ nanoCpus: 1e9, cpuQuotaUs: 5_000 }, "Conflicting options: Nano CPUs and CPU Quota cannot both be set"],
    [
      { cpuPeriodUs: 10 },
      "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    ],
    [{ cpuQuotaUs: 10 }, "CPU cfs quota can not be less than 1ms (i.e. 1000)"],
    [{ cpusetCpus: "9" }, "Requested CPUs are not available - requested 9, available: 0-1"],
    [{ cpusetCpus: "0,2-3" }, "Requested CPUs are not available - requested 0,2-3, available: 0-1"],
    [{ cpusetCpus: "a" }, "Invalid value a for cpuset cpus: invalid format: a"],
    [{ cpusetCpus: "1-0" }, "Invalid value 1-0 for cpuset cpus: invalid format: 1-0"],
    [
      { cpusetCpus: "0-1000000" },
      "Invalid value 0-1000000 for cpuset cpus: value of out range, maximum is 8192",
    ],
    [{ cpusetMems: "3" }, "Requested memory nodes are not available - requested 3, available: 0"],
    [{ memoryReservationBytes: MIB }, "Minimum memory reservation allowed is 6MB"],
    [{ memorySwappiness: 101 }, "Invalid value: 101, valid memory swappiness range is 0-100"],
    [{ memorySwappiness: -2 }, "Invalid value: -2, valid memory swappiness range is 0-100"],
    [
      { memorySwapBytes: 64 * MIB },
      "You should always set the Memory limit when using Memoryswap limit, see usage",
    ],
    [
      { memoryBytes: 64 * MIB, memorySwapBytes: 32 * MIB },
      "Minimum memoryswap limit should be larger than memory limit, see usage",
    ],
    [{ blkioWeight: 5 }, "Range of blkio weight is from 10 to 1000"],
  ])("refuses %j", (resources, message) => {
    expect(() => settleResources(resources, version1)).toThrow(
      expect.objectContaining({ kind: "invalid", message }),
    );
  });

  it("refuses real-time scheduling where cgroups have none", () => {
    expect(() => settleResources({ cpuRealtimeRuntimeUs: 1_000 }, version2)).toThrow(
      "kernel does not support CPU real-time scheduler",
    );
    expect(settleResources({ cpuRealtimeRuntimeUs: 1_000 }, version1).warnings).toEqual([]);
  });

  it("keeps what the kernel can give", () => {
    const resources: Resources = {
      memoryBytes: 64 * MIB,
      memorySwappiness: 10,
      oomKillDisable: true,
      cpusetCpus: "0-1",
      blkioWeightDevices: [{ path: "/dev/sda", weight: 200 }],
    };
    expect(settleResources(resources, version1)).toEqual({ resources, warnings: [] });
  });

  it("leaves out what cgroups of version 2 do not have, and says so", () => {
    const { resources, warnings } = settleResources(
      {
        pidsLimit: 10,
        memorySwappiness: 10,
        oomKillDisable: true,
        blkioWeightDevices: [{ path: "/dev/sda", weight: 200 }],
      },
      version2,
    );
    expect(resources).toEqual({ pidsLimit: 10 });
    expect(warnings).toEqual([
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
      "Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.",
    ]);
  });

  it("says nothing of what is left out when nobody asked for it", () => {
    expect(settleResources({ memorySwappiness: -1, oomKillDisable: false }, version2).warnings).toEqual([]);
  });

  it("warns of a killer that is off without a limit", () => {
    expect(settleResources({ oomKillDisable: true }, version1).warnings).toEqual([
      "OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.",
    ]);
  });
});

describe("settleUpdate", () => {
  it.each<[Resources, Resources, string]>([
    [
      { nanoCpus: 1e9 },
      { cpuPeriodUs: 10_000 },
      "Conflicting options: CPU Period cannot be updated as NanoCPUs has already been set",
    ],
    [
      { nanoCpus: 1e9 },
      { cpuQuotaUs: 10_000 },
      "Conflicting options: CPU Quota cannot be updated as NanoCPUs has already been set",
    ],
    [
      { cpuPeriodUs: 10_000 },
      { nanoCpus: 1e9 },
      "Conflicting options: Nano CPUs cannot be updated as CPU Period has already been set",
    ],
    [
      { cpuQuotaUs: 10_000 },
      { nanoCpus: 1e9 },
      "Conflicting options: Nano CPUs cannot be updated as CPU Quota has already been set",
    ],
    [
      { memoryBytes: 64 * MIB },
      { memoryBytes: 256 * MIB },
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    ],
  ])("refuses, of a container with %j, %j", (had, asked, message) => {
    expect(() => settleUpdate(had, asked, version1)).toThrow(
      expect.objectContaining({ kind: "conflict", message }),
    );
  });

  it("keeps the swap that a container has when its memory changes", () => {
    const { resources } = settleUpdate({ memoryBytes: 64 * MIB }, { memoryBytes: 100 * MIB }, version1);
    expect(resources).toEqual({ memoryBytes: 100 * MIB, memorySwapBytes: 128 * MIB });
  });

  it("gives more of both at the same time", () => {
    const asked: Resources = { memoryBytes: 256 * MIB, memorySwapBytes: -1 };
    expect(settleUpdate({ memoryBytes: 64 * MIB }, asked, version1).resources).toEqual(asked);
  });
});
