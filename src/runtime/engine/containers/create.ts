import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { type ContainerSpec, type RegistryCredentials, RuntimeError } from "../../index.ts";
import { parsePlatform, platformScore } from "../images/index.ts";
import type { ResolvedImage, SettledMount } from "../parts.ts";
import { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { effectiveOf } from "./effective.ts";
import { settleImageMounts } from "./image-mounts.ts";
import { settleLinks } from "./links.ts";
import { logPathOf } from "./log-path.ts";
import { checkedName, randomName } from "./names.ts";
import { settleDonors } from "./namespaces.ts";
import { type ContainerRecord, NEW_STATE } from "./record.ts";
import { settleEndpoints } from "./sandbox-request.ts";
import { settleResources } from "./settle-resources.ts";
import { validateSpec } from "./validate-spec.ts";
import { inheritedMounts } from "./volumes-from.ts";

export interface CreateOptions {
  readonly name?: string;
  readonly credentials?: RegistryCredentials;
}

/** See `Containers.create`. Writing the record is the moment the container exists. */
export async function createContainer(
  ctx: ContainersContext,
  asked: ContainerSpec,
  { name }: CreateOptions = {},
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  validateSpec(asked, runtimeNames(ctx));
  const { resources, warnings } = settleResources(asked.resources ?? {}, ctx.machine.limits);
  const spec = settleDonors(ctx.table, asked.resources === undefined ? asked : { ...asked, resources });
  const id = newId(ctx);
  const ownName =
    name === undefined || name === "" ? randomName((free) => ctx.table.isNameFree(free)) : checkedName(name);
  ctx.table.reserveName(ownName, id);
  const settled: SettledMount[] = [];
  try {
    const image = await ctx.images.resolve(spec.image, id);
    checkRunnable(spec, image, id);
    checkPlatform(spec, image);
    const links = settleLinks(ctx.table, spec);
    const endpoints = await settleEndpoints(ctx.networks, spec);
    // The folder before anything else: a crash from here on is an unfinished creation.
    await prepareFolder(ctx, id);
    settled.push(...(await settleImageMounts(ctx, id, await settleMounts(ctx, id, spec, image))));
    const record: ContainerRecord = {
      version: 1,
      id,
      name: ownName,
      createdAt: Date.now(),
      spec,
      imageId: image.id,
      imageConfig: image.config,
      imagePlatform: { os: image.os, architecture: image.architecture },
      mounts: settled,
      endpoints,
      ...(links.length === 0 ? {} : { links }),
      state: NEW_STATE,
    };
    await ctx.rootfs.prepare(id, image);
    await ctx.store.save(record);
    const container = new Container(record);
    ctx.table.add(container);
    ctx.volumes.settled(id);
    ctx.images.settled(id);
    announce(ctx, container, "create");
    return { id, warnings: [...warningsOf(ctx, spec, image), ...warnings] };
  } catch (error) {
    ctx.table.releaseName(ownName, id);
    ctx.volumes.settled(id);
    ctx.images.settled(id);
    await undo(ctx, id, settled);
    throw error;
  }
}

/** Names under which Docker's clients ask for the one runtime there is. */
function runtimeNames({ oci }: ContainersContext): readonly string[] {
  return [oci.name, "runc", "io.containerd.runc.v2"];
}

/** A short id of nothing but digits would be read as a number by tools: Docker avoids them too. */
function newId({ table }: ContainersContext): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^\d{12}/.test(id) && table.peek(id) === undefined) return id;
  }
}

function checkRunnable(spec: ContainerSpec, image: ResolvedImage, id: string): void {
  const { path } = effectiveOf(spec, image.config, id);
  if (path === "") throw new RuntimeError("invalid", "no command specified");
}

/** `not-found`, so that a client fetches the image for the platform it asked for. */
function checkPlatform(spec: ContainerSpec, image: ResolvedImage): void {
  const { platform } = spec;
  if (platform === undefined || platform === "" || platformScore(parsePlatform(platform), image) > 0) return;
  throw new RuntimeError(
    "not-found",
    `image with reference ${spec.image} was found but does not provide the specified platform (${platform})`,
  );
}

async function settleMounts(
  ctx: ContainersContext,
  containerId: string,
  spec: ContainerSpec,
  image: ResolvedImage,
): Promise<readonly SettledMount[]> {
  return ctx.volumes.settle({
    containerId,
    spec,
    imageVolumes: image.config.volumes ?? [],
    inherited: inheritedMounts(ctx, spec.volumesFrom ?? []),
  });
}

async function prepareFolder(ctx: ContainersContext, id: string): Promise<void> {
  await ctx.store.prepareFolder(id);
  // There from the beginning: who attaches before the start knows where the output will begin.
  await writeFile(logPathOf(ctx.layout, id), "", { mode: 0o640 });
}

async function undo(ctx: ContainersContext, id: string, mounts: readonly SettledMount[]): Promise<void> {
  const attempts = [
    ctx.rootfs.remove(id),
    ctx.store.delete(id),
    ctx.images.collectHeld(),
    ...mounts
      .filter(({ isAnonymous, name }) => isAnonymous && name !== undefined)
      .map(({ name = "" }) => ctx.volumes.port.remove(name, { force: true })),
  ];
  for (const result of await Promise.allSettled(attempts))
    if (result.status === "rejected")
      ctx.log.warn("Cannot undo an unfinished create", { id, error: result.reason });
}

function warningsOf(ctx: ContainersContext, spec: ContainerSpec, image: ResolvedImage): readonly string[] {
  const isForeign = image.architecture !== ctx.machine.architecture;
  return [
    ...(isForeign && spec.platform === undefined
      ? [
          `The requested image's platform (${image.os}/${image.architecture}) does not match the detected host platform (linux/${ctx.machine.architecture}) and no specific platform was requested`,
        ]
      : []),
    ...(spec.networkMode === "host" && (spec.ports ?? []).length > 0
      ? ["Published ports are discarded when using host network mode"]
      : []),
    ...(spec.init === true && ctx.initPath === undefined
      ? ["No init program was found (install tini): the container runs without one"]
      : []),
  ];
}
