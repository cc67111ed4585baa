import type { Command } from "commander";
import { groupBy } from "../../lib/group-by.ts";
import { LABEL } from "../../planner/index.ts";
import type { ContainerSummary } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { repeated } from "../globals.ts";
import { goJson } from "../render/go-json.ts";
import { renderTable } from "../render/table.ts";

interface Flags {
  readonly all?: boolean;
  readonly filter: readonly string[];
  readonly format: string;
  readonly quiet?: boolean;
}

interface Entry {
  readonly name: string;
  readonly status: string;
  readonly configFiles: string;
}

export const ls: CliCommand = {
  summary: "List stacks",
  declare: (command: Command) =>
    command
      .option("-a, --all", "those that do not run, too")
      .addOption(repeated("--filter <name=text>", "only stacks whose name holds this"))
      .option("--format <format>", "table or json (one array)", "table")
      .option("-q, --quiet", "only names"),
  run: async (context: Context, _args: readonly string[], flags: Flags) => {
    if (flags.format !== "table" && flags.format !== "json")
      throw usageError(`Unknown format "${flags.format}"`);
    const runtime = await context.runtime();
    const containers = await runtime.containers.list({
      all: flags.all === true,
      filters: { label: [LABEL.project, LABEL.configHash] },
    });
    const entries = entriesOf(containers).filter(matcher(flags.filter));
    if (flags.quiet === true) for (const { name } of entries) context.printLine(name);
    else if (flags.format === "json") {
      context.printLine(
        goJson(
          entries.map(({ name, status, configFiles }) => ({
            Name: name,
            Status: status,
            ConfigFiles: configFiles,
          })),
        ),
      );
    } else {
      context.print(
        renderTable(
          ["NAME", "STATUS", "CONFIG FILES"],
          entries.map(({ name, status, configFiles }) => [name, status, configFiles]),
        ),
      );
    }
  },
};

function entriesOf(containers: readonly ContainerSummary[]): readonly Entry[] {
  const byName = groupBy(containers, ({ labels }) => labels[LABEL.project] ?? "");
  return [...byName]
    .map(([name, own]) => ({
      name,
      status: statusOf(own),
      configFiles:
        own.find(({ labels }) => labels[LABEL.configFiles] !== undefined)?.labels[LABEL.configFiles] ?? "N/A",
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `exited(1), running(2)`. */
function statusOf(containers: readonly ContainerSummary[]): string {
  return [...groupBy(containers, ({ state }) => state.status)]
    .map(([status, own]) => `${status}(${own.length})`)
    .sort()
    .join(", ");
}

function matcher(filters: readonly string[]): (entry: Entry) => boolean {
  const patterns = filters.map((filter) => {
    const match = /^name=(.*)$/.exec(filter);
    if (match?.[1] === undefined) throw new CliError(`Unknown filter "${filter}": it is name=TEXT`);
    return match[1];
  });
  return ({ name }) => patterns.every((pattern) => name.includes(pattern));
}
