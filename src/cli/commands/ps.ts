import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { repeated } from "../globals.ts";
import { projectAndServices } from "../project.ts";
import { commandText, portsText, statusText } from "../render/status.ts";
import { renderTable } from "../render/table.ts";
import { humanDuration } from "../render/units.ts";
import { type StackContainer, stackContainers } from "../stack-containers.ts";

interface Flags {
  readonly all?: boolean;
  readonly filter?: string;
  readonly format: string;
  readonly trunc: boolean;
  readonly orphans?: boolean;
  readonly quiet?: boolean;
  readonly services?: boolean;
  readonly status: readonly string[];
}

export const ps: CliCommand = {
  usage: "[services...]",
  summary: "List containers",
  declare: (command: Command) =>
    command
      .option("-a, --all", "stopped ones too, and those that `run` made")
      .option("--filter <property=value>", "only those with this status")
      .option("--format <format>", "table, json (one object a line) or a Go template", "table")
      .option("--no-trunc", "cut nothing short")
      .option("--orphans", "containers of services that the files do not declare", true)
      .option("-q, --quiet", "only ids")
      .option("--services", "only services")
      .addOption(repeated("--status <status>", "only those with this status")),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const wanted = statuses(flags);
    const { name, enabled } = await projectAndServices(context, services, flags.orphans === false);
    const isAll = flags.all === true || wanted.length > 0;
    const found = await stackContainers(await context.runtime(), name, {
      all: isAll,
      services,
      oneOff: isAll,
    });
    const shown = found
      .filter(({ summary }) => wanted.length === 0 || wanted.includes(summary.state.status))
      .filter(({ service }) => flags.orphans !== false || enabled?.includes(service) !== false);
    context.print(await render(shown, name, flags));
  },
};

function statuses(flags: Flags): readonly string[] {
  if (flags.filter === undefined) return flags.status;
  const [property, value, ...rest] = flags.filter.split("=");
  if (property !== "status" || value === undefined || rest.length > 0) {
    throw new CliError(`Unknown filter "${flags.filter}": it is status=VALUE`);
  }
  return [...flags.status, value];
}

async function render(found: readonly StackContainer[], stackName: string, flags: Flags): Promise<string> {
  const lines = (values: readonly string[]) => values.map((value) => `${value}\n`).join("");
  if (flags.quiet === true) return lines(found.map(({ summary }) => summary.id));
  if (flags.services === true) return lines([...new Set(found.map(({ service }) => service))]);
  const nowMs = Date.now();
  if (flags.format === "table" || flags.format === "") {
    return renderTable(
      ["NAME", "IMAGE", "COMMAND", "SERVICE", "CREATED", "STATUS", "PORTS"],
      found.map(({ summary, service }) => [
        summary.name,
        summary.image,
        commandText(summary, flags.trunc),
        service,
        `${humanDuration(nowMs - summary.createdAt.getTime())} ago`,
        statusText(summary.state, nowMs),
        portsText(summary.ports),
      ]),
    );
  }
  const { psRecord } = await import("../render/ps-record.ts");
  const records = found.map((container) => psRecord(container, stackName, nowMs, flags.trunc));
  if (flags.format === "json") {
    const { goJson } = await import("../render/go-json.ts");
    return lines(records.map(goJson));
  }
  const { renderFormat } = await import("../render/go-template.ts");
  return renderFormat(flags.format, records, PS_HEADINGS);
}

const PS_HEADINGS: Readonly<Record<string, string>> = {
  ID: "CONTAINER ID",
  RunningFor: "CREATED",
  CreatedAt: "CREATED AT",
  LocalVolumes: "LOCAL VOLUMES",
  ExitCode: "EXIT CODE",
};
