import { applyChanges } from "../../dockerfile/index.ts";
import { type CommitOptions, type ImageDefaults, RuntimeError } from "../../index.ts";
import { announceImage } from "../image-events.ts";
import { familiarText, parseReference, taggable, withDefaultTag } from "../images/index.ts";
import type { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";

/** See `Containers.commit`. The container's files since its image, and its settings, as a new image. */
export async function commitContainer(
  ctx: ContainersContext,
  nameOrId: string,
  options: CommitOptions = {},
): Promise<{ readonly imageId: string }> {
  const container = ctx.table.find(nameOrId);
  const { record } = container;
  if (record.state.status === "dead" || record.state.status === "removing")
    throw new RuntimeError("conflict", `You cannot commit container ${record.id} which is being removed`);
  // Before the program starts that reads the files.
  if (options.reference !== undefined) taggable(options.reference);
  const { config } = applyChanges(configOf(container), options.changes ?? []);
  const imageId = await whileFrozen(ctx, container, options.pause !== false, async () => {
    const image = await ctx.images.resolve(record.imageId);
    const { id } = await ctx.images.commitLayer({
      parentId: record.imageId,
      layer: await ctx.rootfs.diffTar(record.id, image),
      config,
      createdBy: [container.effective.path, ...container.effective.args].join(" "),
      ...(options.author === undefined ? {} : { author: options.author }),
      ...(options.message === undefined ? {} : { comment: options.message }),
      ...(options.reference === undefined ? {} : { reference: options.reference }),
    });
    announceCommit(ctx, container, { id, labels: config.labels ?? {} }, options);
    return id;
  });
  return { imageId };
}

function announceCommit(
  ctx: ContainersContext,
  container: Container,
  image: Parameters<typeof announceImage>[2],
  { message, reference }: CommitOptions,
): void {
  const name = reference === undefined ? "" : familiarText(withDefaultTag(parseReference(reference)));
  announceImage(ctx.events, "create", image);
  if (name !== "") announceImage(ctx.events, "tag", image, name);
  announce(ctx, container, "commit", { comment: message ?? "", imageID: image.id, imageRef: name });
}

/** What the container runs with, as the defaults of containers to come. */
function configOf({ effective, record }: Container): ImageDefaults {
  const { imageConfig } = record;
  return {
    ...imageConfig,
    ...(effective.entrypoint === undefined ? { entrypoint: [] } : { entrypoint: effective.entrypoint }),
    ...(effective.cmd === undefined ? { cmd: [] } : { cmd: effective.cmd }),
    env: effective.env,
    user: effective.user,
    workingDir: effective.workingDir,
    labels: effective.labels,
    exposedPorts: [
      ...new Set([
        ...effective.exposedPorts,
        ...(record.spec.ports ?? []).map(({ containerPort, protocol }) => `${containerPort}/${protocol}`),
      ]),
    ],
    ...(effective.stopSignal === undefined ? {} : { stopSignal: effective.stopSignal }),
    ...(effective.healthcheck === undefined ? {} : { healthcheck: effective.healthcheck }),
  };
}

/** Nothing changes while the layer is read. */
async function whileFrozen<T>(
  ctx: ContainersContext,
  container: Container,
  isWanted: boolean,
  action: () => Promise<T>,
): Promise<T> {
  const { run } = container;
  if (!isWanted || run === undefined || container.record.state.status !== "running") return action();
  return container.lock.run(async () => {
    if (container.run !== run) return action();
    await ctx.cgroups.freeze(run.cgroupsPath);
    announce(ctx, container, "pause");
    try {
      return await action();
    } finally {
      ctx.cgroups.thaw(run.cgroupsPath);
      announce(ctx, container, "unpause");
    }
  });
}
