import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { projectName } from "../project.ts";
import { type StatsFlags, showStats } from "../show-stats.ts";
import { stackContainers } from "../stack-containers.ts";

export const stats: CliCommand = {
  usage: "[services...]",
  summary: "Display a live view of what containers use",
  declare: (command: Command) =>
    command
      .option("-a, --all", "stopped containers, too")
      .option("--format <format>", "table, json or a Go template", "table")
      .option("--no-stream", "once instead of again and again")
      .option("--no-trunc", "cut nothing short"),
  run: async (
    context: Context,
    services: readonly string[],
    flags: StatsFlags & { readonly all?: boolean },
  ) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    await showStats(context, runtime, flags, async () => {
      const found = await stackContainers(runtime, name, {
        all: flags.all === true,
        oneOff: flags.all === true,
        services,
      });
      return found.map(({ summary }) => summary);
    });
  },
};
