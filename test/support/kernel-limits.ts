import type { KernelLimits } from "../../src/runtime/engine/oci/kernel-limits.ts";

/** A machine of two processors with cgroups of version 1, which can limit everything. */
export const VERSION_1_LIMITS: KernelLimits = {
  cpuCount: 2,
  cpus: "0-1",
  memoryNodes: "0",
  hasOomKillDisable: true,
  hasSwappiness: true,
  hasRealtime: true,
  hasDeviceWeights: true,
};
