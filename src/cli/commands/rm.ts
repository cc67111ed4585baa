import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { projectAndServices, projectName } from "../project.ts";
import { confirm } from "../prompt.ts";
import { askStored, servicesOfFiles } from "../stack-command.ts";
import { stackContainers } from "../stack-containers.ts";

interface Flags {
  readonly force?: boolean;
  readonly stop?: boolean;
  readonly volumes?: boolean;
}

export const rm: CliCommand = {
  usage: "[services...]",
  summary: "Remove stopped containers",
  declare: (command: Command) =>
    command
      .option("-f, --force", "do not ask")
      .option("-s, --stop", "stop them first")
      .option("-v, --volumes", "their anonymous volumes too"),
  run: async (context: Context, named: readonly string[], flags: Flags) => {
    const { name, project } = await projectName(context);
    const meant = named.length > 0 ? undefined : await servicesOfFiles(context, project?.stack);
    const services = meant ?? named;
    const all =
      meant?.length === 0
        ? []
        : await stackContainers(await context.runtime(), name, { all: true, services });
    const found = all.filter(
      ({ summary: { state } }) =>
        flags.stop === true || !["running", "paused", "restarting"].includes(state.status),
    );
    if (found.length === 0) {
      await projectAndServices(context, services);
      context.note("No stopped containers");
      return;
    }
    context.printLine(`Going to remove ${found.map(({ summary }) => summary.name).join(", ")}`);
    if (flags.force !== true && !context.isDryRun && !(await confirm(context, "Are you sure?"))) return;
    await askStored(context, {
      do: "rm",
      services,
      ...(flags.stop === true && { stop: true }),
      ...(flags.volumes === true && { volumes: true }),
    });
  },
};
