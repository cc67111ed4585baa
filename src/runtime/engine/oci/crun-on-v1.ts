import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MachineFacts } from "./machine.ts";
import type { OciConfig, OciResources } from "./types.ts";

/** Whether what follows has to be made up for. */
export function isCrunOnV1({
  oci,
  machine,
}: {
  readonly oci: { readonly name: string };
  readonly machine: Pick<MachineFacts, "cgroupVersion">;
}): boolean {
  return oci.name === "crun" && machine.cgroupVersion === "1";
}

/** A share of a disk's time, of all disks and of some. */
type IoWeights = Pick<NonNullable<OciResources["blockIO"]>, "weight" | "weightDevice">;

/** A config.json for crun on cgroups of version 1, where it knows no other names of the weights than the oldest. */
export function forCrunOnV1(config: OciConfig): OciConfig {
  const { linux } = config;
  return { ...config, linux: { ...linux, resources: withoutIoWeights(linux.resources) } };
}

export function withoutIoWeights(resources: OciResources): OciResources {
  if (resources.blockIO === undefined) return resources;
  const { weight: _weight, weightDevice: _weightDevice, ...blockIO } = resources.blockIO;
  return { ...resources, blockIO };
}

/** Into a group's folder of the blkio hierarchy, under the names that this kernel has (as runc's `cgroups/fs/blkio.go`). */
export function writeIoWeights(folder: string, { weight, weightDevice = [] }: IoWeights): void {
  const prefix = existsSync(join(folder, "blkio.weight")) ? "blkio." : "blkio.bfq.";
  if (weight !== undefined) writeFileSync(join(folder, `${prefix}weight`), String(weight));
  for (const device of weightDevice)
    writeFileSync(join(folder, `${prefix}weight_device`), `${device.major}:${device.minor} ${device.weight}`);
}
