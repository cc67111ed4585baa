import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { integer, repeated } from "../globals.ts";
import { projectName } from "../project.ts";
import { serviceContainer } from "../stack-containers.ts";

interface Flags {
  readonly author?: string;
  readonly change: readonly string[];
  readonly index?: number;
  readonly message?: string;
  readonly pause: boolean;
}

export const commit: CliCommand = {
  usage: "<service> [repository[:tag]]",
  summary: "Make an image from a service's container",
  declare: (command: Command) =>
    command
      .option("-a, --author <author>", "who made it")
      .addOption(repeated("-c, --change <instruction>", "apply a Dockerfile instruction"))
      .option("--index <number>", "which replica", integer)
      .option("-m, --message <text>", "why it was made")
      .option("-p, --pause", "pause the container meanwhile", true),
  run: async (context: Context, [service = "", reference]: readonly string[], flags: Flags) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const { summary } = await serviceContainer(runtime, name, service, {
      all: true,
      ...(flags.index !== undefined && { index: flags.index }),
    });
    const { imageId } = await runtime.containers.commit(summary.id, {
      pause: flags.pause,
      ...(reference !== undefined && { reference }),
      ...(flags.author !== undefined && { author: flags.author }),
      ...(flags.message !== undefined && { message: flags.message }),
      ...(flags.change.length > 0 && { changes: flags.change }),
    });
    context.note(` Image ${reference ?? imageId}  Committed`);
  },
};
