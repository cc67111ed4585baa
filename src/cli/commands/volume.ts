import type { Command } from "commander";
import type { CliCommand, CliGroup, CommandEntry } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { parseFilters } from "../filters.ts";
import { forEach } from "../for-each.ts";
import { repeated } from "../globals.ts";
import { pairs } from "../image-build.ts";
import { printInspected } from "../inspect.ts";
import { pruneCommand, tellRemoved } from "../prune.ts";
import { printListing } from "../render/listing.ts";
import { humanSize } from "../render/units.ts";
import { volumeRecord } from "./volumes.ts";

const ls: CliCommand = {
  summary: "List volumes",
  declare: (command: Command) =>
    command
      .addOption(repeated("-f, --filter <key=value>", "only these: name, label, dangling, driver"))
      .option("--format <format>", "table, json or a Go template", "table")
      .option("-q, --quiet", "only names"),
  run: async (
    context: Context,
    _args: readonly string[],
    flags: { readonly filter: readonly string[]; readonly format: string; readonly quiet?: boolean },
  ) => {
    const found = await (await context.runtime()).volumes.list(parseFilters(flags.filter));
    await printListing(context, {
      ...flags,
      key: "Name",
      columns: { Driver: "DRIVER", Name: "VOLUME NAME" },
      records: found.map(volumeRecord).sort((a, b) => (String(a["Name"]) < String(b["Name"]) ? -1 : 1)),
    });
  },
};

const create: CliCommand = {
  usage: "[name]",
  summary: "Create a volume; prints its name",
  declare: (command: Command) =>
    command
      .option("-d, --driver <driver>", "driver", "local")
      .addOption(repeated("-o, --opt <key=value>", "option of the driver"))
      .addOption(repeated("--label <key=value>", "label")),
  run: async (
    context: Context,
    [name]: readonly string[],
    flags: { readonly driver: string; readonly opt: readonly string[]; readonly label: readonly string[] },
  ) => {
    const created = await (await context.runtime()).volumes.create({
      driver: flags.driver,
      options: pairs(flags.opt),
      labels: pairs(flags.label),
      ...(name !== undefined && { name }),
    });
    context.printLine(created.name);
  },
};

const inspect: CliCommand = {
  usage: "<volumes...>",
  summary: "Show volumes as JSON",
  declare: (command: Command) => command.option("-f, --format <template>", "a Go template"),
  run: async (context: Context, names: readonly string[], { format }: { readonly format?: string }) =>
    printInspected(context, names, { format, read: (documents, name) => documents.volume(name) }),
};

const rm: CliCommand = {
  usage: "<volumes...>",
  summary: "Remove volumes and what is in them",
  declare: (command: Command) => command.option("-f, --force", "no error for what is not there"),
  run: async (context: Context, names: readonly string[], { force }: { readonly force?: boolean }) => {
    const runtime = await context.runtime();
    return forEach(context, names, async (name) => {
      await runtime.volumes.remove(name, { force: force === true });
      context.printLine(name);
    });
  },
};

const prune = pruneCommand({
  summary: "Remove anonymous volumes that no container uses; with --all, named ones, too",
  filters: "label",
  declare: (command) => command.option("-a, --all", "named ones, too"),
  what: ({ all }) => `all ${all === true ? "volumes" : "anonymous volumes"} that no container uses`,
  run: async (context, { runtime, filters, flags }) => {
    const { removed, reclaimedBytes } = await runtime.volumes.prune({
      ...filters,
      ...(flags.all === true && { all: ["true"] }),
    });
    tellRemoved(context, "Deleted Volumes", removed);
    context.printLine(`Total reclaimed space: ${humanSize(reclaimedBytes)}`);
  },
});

export const volume: CliGroup = {
  summary: "Manage volumes",
  commands: entries({ ls, create, inspect, rm, prune }),
};

/** Commands that lie in one file anyway. */
export function entries(
  commands: Readonly<Record<string, CliCommand>>,
): Readonly<Record<string, CommandEntry>> {
  const aliases: Readonly<Record<string, readonly string[]>> = { ls: ["list", "ps"], rm: ["remove"] };
  return Object.fromEntries(
    Object.entries(commands).map(([name, command]): [string, CommandEntry] => [
      name,
      {
        summary: command.summary,
        load: async () => command,
        ...(aliases[name] && { aliases: aliases[name] }),
      },
    ]),
  );
}
