import { createWriteStream } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { integer } from "../globals.ts";
import { projectName } from "../project.ts";
import { serviceContainer } from "../stack-containers.ts";

export const exportFiles: CliCommand = {
  usage: "<service>",
  summary: "Write the files of a service's container as a tar archive",
  declare: (command: Command) =>
    command
      .option("--index <number>", "which replica", integer)
      .option("-o, --output <file>", "write here instead of stdout"),
  run: async (
    context: Context,
    [service = ""]: readonly string[],
    flags: { readonly index?: number; readonly output?: string },
  ) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const { summary } = await serviceContainer(runtime, name, service, {
      all: true,
      ...(flags.index !== undefined && { index: flags.index }),
    });
    await writeArchive(context, await runtime.containers.export(summary.id), flags.output);
  },
};

/** A tar to a file, or to stdout unless that is a terminal. */
export async function writeArchive(
  context: Context,
  archive: Readable,
  path: string | undefined,
): Promise<void> {
  if (path !== undefined && path !== "-") return pipeline(archive, createWriteStream(path));
  const { stdout } = context.io;
  if (stdout.isTTY === true) {
    throw new CliError("Cannot write an archive to the terminal", { hint: "use -o or redirect" });
  }
  return pipeline(archive, stdout as unknown as Writable, { end: false });
}
