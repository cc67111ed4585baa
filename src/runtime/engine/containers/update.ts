import { type Resources, type RestartPolicy, RuntimeError } from "../../index.ts";
import { isCrunOnV1, withoutIoWeights } from "../oci/crun-on-v1.ts";
import { deviceNumbers } from "../oci/devices.ts";
import { devicesOfResources, ociResources } from "../oci/resources.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { setIoWeights } from "./io-weights.ts";
import { validateResources } from "./validate-spec.ts";

/** See `Containers.update`. */
export async function updateContainer(
  ctx: ContainersContext,
  nameOrId: string,
  { resources, restartPolicy }: { readonly resources?: Resources; readonly restartPolicy?: RestartPolicy },
): Promise<{ readonly warnings: readonly string[] }> {
  const container = ctx.table.find(nameOrId);
  await ctx.table.change(container, async () => {
    const { record } = container;
    const spec = {
      ...record.spec,
      ...(resources === undefined ? {} : { resources: { ...record.spec.resources, ...resources } }),
      ...(restartPolicy === undefined ? {} : { restartPolicy }),
    };
    if (record.spec.autoRemove === true && (restartPolicy?.name ?? "no") !== "no")
      throw new RuntimeError(
        "invalid",
        "Restart policy cannot be updated because AutoRemove is enabled for the container",
      );
    validateResources(spec);
    if (container.run !== undefined && resources !== undefined && Object.keys(resources).length > 0) {
      const limits = ociResources(spec.resources ?? {}, await deviceNumbers(devicesOfResources(resources)));
      await ctx.oci.update(record.id, isCrunOnV1(ctx) ? withoutIoWeights(limits) : limits);
      await setIoWeights(ctx, container.run.cgroupsPath, spec.resources);
    }
    container.record = { ...record, spec };
    await ctx.store.save(container.record);
    announce(ctx, container, "update");
  });
  return { warnings: [] };
}
