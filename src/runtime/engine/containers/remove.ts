import { hasKind, RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { isAlive, withState } from "./record.ts";
import { markStopped } from "./send-signal.ts";
import { announceLastExit, killForGood } from "./stop.ts";
import { forgetExit, tearDown } from "./tear-down.ts";

/** See `Containers.remove`. */
export async function removeContainer(
  ctx: ContainersContext,
  nameOrId: string,
  { force = false, volumes = false }: { readonly force?: boolean; readonly volumes?: boolean } = {},
): Promise<void> {
  const container = ctx.table.find(nameOrId);
  if (!force) refuseRunning(container);
  try {
    if (force) await endByForce(ctx, container);
    await removeNow(ctx, container, { removeVolumes: volumes });
  } catch (error) {
    // One that removes itself at its end may be faster than we are.
    const isGone = ctx.table.byId(container.id) === undefined && hasKind(error, "not-found");
    if (!force || container.record.spec.autoRemove !== true || !isGone) throw error;
  }
}

const WHY_NOT: Readonly<Record<string, string>> = {
  running: "container is running: stop the container before removing or force remove",
  restarting: "container is restarting: stop the container before removing or force remove",
  paused: "container is paused and must be unpaused first",
};

function refuseRunning({ record }: Container): void {
  const why = WHY_NOT[record.state.status];
  if (why !== undefined)
    throw new RuntimeError("conflict", `cannot remove container "${record.name}": ${why}`);
}

async function endByForce(ctx: ContainersContext, container: Container): Promise<void> {
  const isRunning = await ctx.table.change(container, async () => {
    container.cancelRestart?.();
    if (container.record.state.status === "restarting") {
      container.record = withState(container.record, { status: "exited" });
      announceLastExit(container);
    }
    if (!isAlive(container.record.state)) return false;
    await markStopped(ctx, container);
    return true;
  });
  if (isRunning) await killForGood(ctx, container);
}

/**
 * Makes an ended container be no more. Deleting its record is the moment it is gone; what a crash leaves behind
 * then is nobody's and swept at the next start. `conflict` when it runs (again) or is being removed already.
 */
export async function removeNow(
  ctx: ContainersContext,
  container: Container,
  { removeVolumes }: { readonly removeVolumes: boolean },
): Promise<void> {
  await container.lock.run(async () => {
    const { record } = container;
    if (ctx.table.peek(record.id) !== container)
      throw new RuntimeError("not-found", `No such container: ${record.id}`);
    if (record.state.status === "removing")
      throw new RuntimeError("conflict", `removal of container ${record.name} is already in progress`);
    refuseRunning(container);
    const anonymous = record.mounts.flatMap(({ isAnonymous, name }) =>
      isAnonymous && name !== undefined ? [name] : [],
    );
    try {
      await beginRemoval(ctx, container, removeVolumes && anonymous.length > 0);
      await tearDown(ctx, container);
      await forgetExit(ctx, record.id);
      // A volume goes only when nobody uses it; the record goes last, so that a crash here is a removal to complete.
      ctx.table.remove(container);
      if (removeVolumes) await dropVolumes(ctx, anonymous);
      await ctx.store.delete(record.id);
    } catch (error) {
      container.record = withState(container.record, { status: "dead" });
      ctx.table.add(container);
      throw error;
    }
    for (const id of container.execs) ctx.execs.delete(id);
    await ctx.rootfs
      .remove(record.id)
      .catch((error) => ctx.log.error("Cannot delete a container's files", { id: record.id, error }));
    await ctx.images
      .collectHeld()
      .catch((error) =>
        ctx.log.error("Cannot delete the image of a removed container", { id: record.id, error }),
      );
  });
  announce(ctx, container, "destroy");
  container.announceRemoval();
}

/** Anonymous volumes outlive the record: note the removal first, so that a crash cannot leave them behind. */
async function beginRemoval(
  ctx: ContainersContext,
  container: Container,
  mustRemember: boolean,
): Promise<void> {
  container.record = withState(container.record, { status: "removing" });
  if (mustRemember) await ctx.store.save(container.record);
}

async function dropVolumes(ctx: ContainersContext, names: readonly string[]): Promise<void> {
  const { ofVolume } = ctx.table.users();
  for (const name of names) {
    if (ofVolume(name).length > 0) continue;
    await ctx.volumes.port
      .remove(name, { force: true })
      .catch((error) => ctx.log.warn("Cannot remove an anonymous volume", { name, error }));
  }
}
