import type { Resources } from "../../index.ts";
import { isCrunOnV1, writeIoWeights } from "../oci/crun-on-v1.ts";
import { deviceNumbers } from "../oci/devices.ts";
import { devicesOfResources, ociResources } from "../oci/resources.ts";
import type { ContainersContext } from "./context.ts";

/** Gives a group the shares of the disks' time that it asks for, where the OCI runtime does not do it. */
export async function setIoWeights(
  ctx: ContainersContext,
  cgroupsPath: string,
  resources: Resources = {},
): Promise<void> {
  if (!isCrunOnV1(ctx)) return;
  const { blockIO } = ociResources(resources, await deviceNumbers(devicesOfResources(resources)));
  const folder = ctx.cgroups.folder(cgroupsPath, "blkio");
  if (blockIO !== undefined && folder !== undefined) writeIoWeights(folder, blockIO);
}
