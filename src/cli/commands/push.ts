import type { Command } from "commander";
import { withDependencies } from "../../planner/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { loadProject } from "../project.ts";
import { type PushFlags, pushImages } from "../push-images.ts";

interface Flags extends PushFlags {
  readonly includeDeps?: boolean;
}

export const push: CliCommand = {
  usage: "[services...]",
  summary: "Push images of services that are built here",
  declare: (command: Command) =>
    command
      .option("--ignore-push-failures", "push what can be pushed")
      .option("--include-deps", "images of services that they depend on too")
      .option("-q, --quiet", "without progress"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { stack } = await loadProject(context, { services });
    const named = flags.includeDeps === true ? [...withDependencies(stack, services)] : services;
    await pushImages(context, stack, named.length === 0 ? Object.keys(stack.services) : named, flags);
  },
};
