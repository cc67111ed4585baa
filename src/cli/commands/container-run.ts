import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { credentialsFor } from "../../daemon/client.ts";
import { type ContainerRuntime, hasKind } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import { type ContainerFlags, containerSpecOf, declareContainer } from "../container-flags.ts";
import type { Context } from "../context.ts";
import { showImageProgress } from "../image-progress.ts";
import { runContainer } from "../run-container.ts";

interface RunFlags extends ContainerFlags {
  readonly detachKeys?: string;
}

export const containerRun: CliCommand = {
  usage: "<image> [command] [args...]",
  summary: "Create and start a container",
  hasForeignArguments: true,
  declare: (command: Command) =>
    declareContainer(command)
      .option("-d, --detach", "in the background; prints its id")
      .option("--detach-keys <keys>", "keys that let go of the container (default: ctrl-p,ctrl-q)"),
  run: async (context: Context, [image = "", ...command]: readonly string[], flags: RunFlags) => {
    const runtime = await context.runtime();
    const id = await create(context, runtime, { image, command, flags });
    if (flags.detach === true) {
      await runtime.containers.start(id);
      context.printLine(id);
      return 0;
    }
    return runContainer(context, runtime, {
      id,
      tty: flags.tty === true,
      hasStdin: flags.interactive === true,
      isRemoved: flags.rm === true,
      ...(flags.detachKeys !== undefined && { detachKeys: flags.detachKeys }),
    });
  },
};

export const containerCreate: CliCommand = {
  usage: "<image> [command] [args...]",
  summary: "Create a container; prints its id",
  hasForeignArguments: true,
  declare: declareContainer,
  run: async (context: Context, [image = "", ...command]: readonly string[], flags: ContainerFlags) => {
    context.printLine(await create(context, await context.runtime(), { image, command, flags }));
  },
};

interface Asked {
  readonly image: string;
  readonly command: readonly string[];
  readonly flags: ContainerFlags;
}

async function create(context: Context, runtime: ContainerRuntime, asked: Asked): Promise<string> {
  const { image, flags } = asked;
  if (flags.cidfile !== undefined && existsSync(resolve(context.io.cwd, flags.cidfile)))
    throw new CliError(
      `Cannot write the id to ${flags.cidfile}: the file is there, and may be another container's`,
    );
  const spec = await containerSpecOf(context, asked);
  if (flags.pull === "always") await pull(context, runtime, asked);
  const options = flags.name === undefined ? {} : { name: flags.name };
  const made = await runtime.containers.create(spec, options).catch(async (error: unknown) => {
    const isMissing = hasKind(error, "not-found") && /image/i.test(error.message);
    if (!isMissing || flags.pull === "never") throw error;
    context.note(`Unable to find image '${image}' locally`);
    await pull(context, runtime, asked);
    return runtime.containers.create(spec, options);
  });
  if (flags.cidfile !== undefined) await writeFile(resolve(context.io.cwd, flags.cidfile), made.id);
  for (const warning of made.warnings) context.note(`warning: ${warning}`);
  return made.id;
}

async function pull(context: Context, runtime: ContainerRuntime, { image, flags }: Asked): Promise<void> {
  const progress = showImageProgress(context, flags.quiet === true);
  const credentials = await credentialsFor(image, context.io.env);
  try {
    await runtime.images.pull(image, {
      onProgress: progress.show,
      ...(credentials !== undefined && { credentials }),
      ...(flags.platform !== undefined && { platform: flags.platform }),
    });
  } finally {
    progress.end();
  }
}
