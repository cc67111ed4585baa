import type { Command } from "commander";
import type { ContainerSummary } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { parseFilters } from "../filters.ts";
import { integer, repeated } from "../globals.ts";
import { printListing } from "../render/listing.ts";
import { commandText, portsText, statusText } from "../render/status.ts";
import { goTime, humanDuration, humanSize } from "../render/units.ts";

interface Flags {
  readonly all?: boolean;
  readonly filter: readonly string[];
  readonly format: string;
  readonly last?: number;
  readonly latest?: boolean;
  readonly trunc: boolean;
  readonly quiet?: boolean;
  readonly size?: boolean;
}

export const containerLs: CliCommand = {
  summary: "List containers",
  declare: (command: Command) =>
    command
      .option("-a, --all", "stopped ones, too")
      .addOption(
        repeated("-f, --filter <key=value>", "only these: name, status, label, ancestor, network, ..."),
      )
      .option("--format <format>", "table, json (one object a line) or a Go template", "table")
      .option("-n, --last <count>", "the newest so many", integer)
      .option("-l, --latest", "the newest")
      .option("--no-trunc", "cut nothing short")
      .option("-q, --quiet", "only ids")
      .option("-s, --size", "with sizes"),
  run: async (context: Context, _args: readonly string[], flags: Flags) => {
    const limit = flags.latest === true ? 1 : flags.last;
    const found = await (await context.runtime()).containers.list({
      all: flags.all === true,
      filters: parseFilters(flags.filter),
      ...(limit !== undefined && limit > 0 && { limit }),
      ...(flags.size === true && { size: true }),
    });
    const nowMs = Date.now();
    await printListing(context, {
      ...flags,
      key: "ID",
      columns: {
        ID: "CONTAINER ID",
        Image: "IMAGE",
        Command: "COMMAND",
        RunningFor: "CREATED",
        Status: "STATUS",
        Ports: "PORTS",
        Names: "NAMES",
        ...(flags.size === true && { Size: "SIZE" }),
      },
      records: found.map((summary) => containerRecord(summary, nowMs, flags.trunc)),
    });
  },
};

/** A container with the keys that `docker ps --format json` has. */
export function containerRecord(
  summary: ContainerSummary,
  nowMs: number,
  isCut: boolean,
): Readonly<Record<string, unknown>> {
  const { sizes } = summary;
  return {
    Command: commandText(summary, isCut),
    CreatedAt: goTime(summary.createdAt),
    ID: isCut ? summary.id.slice(0, 12) : summary.id,
    Image: summary.image,
    Label: (name: unknown) => summary.labels[String(name)] ?? "",
    Labels: Object.entries(summary.labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
    LocalVolumes: String(summary.mounts.filter(({ type }) => type === "volume").length),
    Mounts: summary.mounts.map(({ name, source }) => name ?? source).join(","),
    Names: summary.name,
    Networks: Object.keys(summary.endpoints).join(","),
    Ports: portsText(summary.ports),
    RunningFor: `${humanDuration(nowMs - summary.createdAt.getTime())} ago`,
    Size:
      sizes === undefined
        ? "0B"
        : `${humanSize(sizes.writableBytes, 3)} (virtual ${humanSize(sizes.rootfsBytes, 3)})`,
    State: summary.state.status,
    Status: statusText(summary.state, nowMs),
  };
}
