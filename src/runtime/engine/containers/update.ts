import { type Resources, type RestartPolicy, RuntimeError } from "../../index.ts";
import { isCrunOnV1, withoutIoWeights } from "../oci/crun-on-v1.ts";
import { deviceNumbers } from "../oci/devices.ts";
import { devicesOfResources, ociResources } from "../oci/resources.ts";
import type { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { setIoWeights } from "./io-weights.ts";
import { settleUpdate } from "./settle-resources.ts";

export interface ContainerUpdate {
  readonly resources?: Resources;
  readonly restartPolicy?: RestartPolicy;
}

/** See `Containers.update`. */
export async function updateContainer(
  ctx: ContainersContext,
  nameOrId: string,
  asked: ContainerUpdate,
): Promise<{ readonly warnings: readonly string[] }> {
  const container = ctx.table.find(nameOrId);
  return ctx.table.change(container, () =>
    change(ctx, container, asked).catch((error) => {
      // What no container can have is not this one's fault.
      if (!(error instanceof RuntimeError) || error.kind === "invalid") throw error;
      throw new RuntimeError(error.kind, `Cannot update container ${container.id}`, { cause: error });
    }),
  );
}

async function change(
  ctx: ContainersContext,
  container: Container,
  { resources, restartPolicy }: ContainerUpdate,
): Promise<{ readonly warnings: readonly string[] }> {
  const { record, run } = container;
  if (record.spec.autoRemove === true && (restartPolicy?.name ?? "no") !== "no")
    throw new RuntimeError(
      "conflict",
      "Restart policy cannot be updated because AutoRemove is enabled for the container",
    );
  const settled =
    resources === undefined
      ? undefined
      : settleUpdate(record.spec.resources ?? {}, resources, ctx.machine.limits);
  const spec = {
    ...record.spec,
    ...(settled === undefined ? {} : { resources: settled.resources }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
  if (run !== undefined && resources !== undefined && Object.keys(resources).length > 0) {
    const limits = ociResources(spec.resources ?? {}, await deviceNumbers(devicesOfResources(resources)));
    await ctx.oci.update(record.id, isCrunOnV1(ctx) ? withoutIoWeights(limits) : limits);
    await setIoWeights(ctx, run.cgroupsPath, spec.resources);
  }
  container.record = { ...record, spec };
  await ctx.store.save(container.record);
  announce(ctx, container, "update");
  return { warnings: settled?.warnings ?? [] };
}
