import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { repeated } from "../globals.ts";
import { printInspected } from "../inspect.ts";
import { renderTable } from "../render/table.ts";
import { type StatsFlags, showStats } from "../show-stats.ts";

export const containerInspect: CliCommand = {
  usage: "<containers...>",
  summary: "Show containers as JSON",
  declare: (command: Command) =>
    command.option("-f, --format <template>", "a Go template").option("-s, --size", "with sizes"),
  run: async (
    context: Context,
    names: readonly string[],
    { format, size }: { readonly format?: string; readonly size?: boolean },
  ) =>
    printInspected(context, names, {
      format,
      read: (documents, name) => documents.container(name, { size: size === true }),
    }),
};

export const containerTop: CliCommand = {
  usage: "<container> [ps-options...]",
  summary: "Display running processes",
  hasForeignArguments: true,
  declare: () => {},
  run: async (context: Context, [id = "", ...options]: readonly string[]) => {
    const { titles, processes } = await (await context.runtime()).containers.top(
      id,
      options.length === 0 ? undefined : options.join(" "),
    );
    context.print(renderTable(titles, processes));
  },
};

export const containerStats: CliCommand = {
  usage: "[containers...]",
  summary: "Display a live view of what containers use",
  declare: (command: Command) =>
    command
      .option("-a, --all", "stopped ones, too")
      .option("--format <format>", "table, json or a Go template", "table")
      .option("--no-stream", "once instead of again and again")
      .option("--no-trunc", "cut nothing short"),
  run: async (context: Context, names: readonly string[], flags: StatsFlags & { readonly all?: boolean }) => {
    const runtime = await context.runtime();
    await showStats(context, runtime, flags, async () =>
      names.length > 0
        ? Promise.all(names.map((name) => runtime.containers.inspect(name)))
        : runtime.containers.list({ all: flags.all === true }),
    );
  },
};

export const containerPort: CliCommand = {
  usage: "<container> [port]",
  summary: "List published ports",
  declare: () => {},
  run: async (context: Context, [id = "", wanted]: readonly string[]) => {
    const { ports } = await (await context.runtime()).containers.inspect(id);
    for (const { containerPort, protocol, hostIp = "", hostPort } of ports) {
      if (hostPort === undefined) continue;
      const inside = `${containerPort}/${protocol}`;
      const outside = `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:${hostPort}`;
      if (wanted === undefined) context.printLine(`${inside} -> ${outside}`);
      else if (wanted === inside || wanted === String(containerPort)) context.printLine(outside);
    }
  },
};

const LETTERS = { added: "A", modified: "C", deleted: "D" } as const;

export const containerDiff: CliCommand = {
  usage: "<container>",
  summary: "Show files that differ from the image: A added, C changed, D deleted",
  declare: () => {},
  run: async (context: Context, [id = ""]: readonly string[]) => {
    for (const { path, kind } of await (await context.runtime()).containers.changes(id)) {
      context.printLine(`${LETTERS[kind]} ${path}`);
    }
  },
};

interface CommitFlags {
  readonly author?: string;
  readonly change: readonly string[];
  readonly message?: string;
  readonly pause: boolean;
}

export const containerCommit: CliCommand = {
  usage: "<container> [repository[:tag]]",
  summary: "Make an image from a container's changes; prints its id",
  declare: (command: Command) =>
    command
      .option("-a, --author <author>", "who made it")
      .addOption(repeated("-c, --change <instruction>", "apply a Dockerfile instruction"))
      .option("-m, --message <text>", "why it was made")
      .option("-p, --pause", "pause the container meanwhile", true),
  run: async (context: Context, [id = "", reference]: readonly string[], flags: CommitFlags) => {
    const { imageId } = await (await context.runtime()).containers.commit(id, {
      pause: flags.pause,
      changes: flags.change,
      ...(reference !== undefined && { reference }),
      ...(flags.author !== undefined && { author: flags.author }),
      ...(flags.message !== undefined && { message: flags.message }),
    });
    context.printLine(imageId);
  },
};
