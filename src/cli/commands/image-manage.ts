import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { parseFilters } from "../filters.ts";
import { forEach } from "../for-each.ts";
import { integer, noFlag, repeated } from "../globals.ts";
import { printInspected } from "../inspect.ts";
import { pruneCommand } from "../prune.ts";
import { printListing } from "../render/listing.ts";
import { humanDuration, humanSize } from "../render/units.ts";

export const imageRm: CliCommand = {
  usage: "<images...>",
  summary: "Remove images",
  declare: (command: Command) =>
    command
      .option("-f, --force", "even when stopped containers use it, or it has several names")
      .addOption(noFlag("--no-prune", "keep parents without a name")),
  run: async (
    context: Context,
    references: readonly string[],
    flags: { readonly force?: boolean; readonly noPrune?: boolean },
  ) => {
    const runtime = await context.runtime();
    return forEach(context, references, async (reference) => {
      const options = { force: flags.force === true, noPrune: flags.noPrune === true };
      for (const done of await runtime.images.remove(reference, options)) {
        context.printLine("untagged" in done ? `Untagged: ${done.untagged}` : `Deleted: ${done.deleted}`);
      }
    });
  },
};

export const imageTag: CliCommand = {
  usage: "<source> <target>",
  summary: "Give an image another name",
  declare: () => {},
  run: async (context: Context, [source = "", target = ""]: readonly string[]) =>
    (await context.runtime()).images.tag(source, target),
};

export const imageInspect: CliCommand = {
  usage: "<images...>",
  summary: "Show images as JSON",
  declare: (command: Command) => command.option("-f, --format <template>", "a Go template"),
  run: async (context: Context, references: readonly string[], { format }: { readonly format?: string }) =>
    printInspected(context, references, { format, read: (documents, name) => documents.image(name) }),
};

export const imageHistory: CliCommand = {
  usage: "<image>",
  summary: "Show how an image was made",
  declare: (command: Command) =>
    command
      .option("--format <format>", "table, json or a Go template", "table")
      .option("--no-trunc", "cut nothing short")
      .option("-q, --quiet", "only ids"),
  run: async (
    context: Context,
    [reference = ""]: readonly string[],
    flags: { readonly format: string; readonly trunc: boolean; readonly quiet?: boolean },
  ) => {
    const runtime = await context.runtime();
    const entries = await runtime.images.history(reference);
    await printListing(context, {
      ...flags,
      key: "ID",
      columns: {
        ID: "IMAGE",
        CreatedSince: "CREATED",
        CreatedBy: "CREATED BY",
        Size: "SIZE",
        Comment: "COMMENT",
      },
      records: entries.map((entry) => ({
        ID: flags.trunc ? entry.id.replace(/^sha256:/, "").slice(0, 12) : entry.id,
        CreatedSince: `${humanDuration(Date.now() - entry.createdAt.getTime())} ago`,
        CreatedAt: entry.createdAt.toISOString(),
        CreatedBy:
          flags.trunc && entry.createdBy.length > 45 ? `${entry.createdBy.slice(0, 44)}…` : entry.createdBy,
        Size: humanSize(entry.sizeBytes, 3),
        Comment: entry.comment,
      })),
    });
  },
};

export const imagePrune = pruneCommand({
  summary: "Remove images without a name; with --all, every image that no container uses",
  filters: "until, label",
  declare: (command) => command.option("-a, --all", "every image that no container uses"),
  what: ({ all }) => (all === true ? "all images that no container uses" : "all images without a name"),
  run: async (context, { runtime, filters, flags }) => {
    const { removed, reclaimedBytes } = await runtime.images.prune({
      ...filters,
      dangling: [flags.all === true ? "false" : "true"],
    });
    for (const done of removed) {
      context.printLine("untagged" in done ? `untagged: ${done.untagged}` : `deleted: ${done.deleted}`);
    }
    context.printLine(`Total reclaimed space: ${humanSize(reclaimedBytes, 4)}`);
  },
});

export const imageSearch: CliCommand = {
  usage: "<term>",
  summary: "Search a registry for images",
  declare: (command: Command) =>
    command
      .option("--limit <count>", "at most so many", integer)
      .addOption(repeated("-f, --filter <key=value>", "only these: stars, is-official"))
      .option("--format <format>", "table, json or a Go template", "table"),
  run: async (
    context: Context,
    [term = ""]: readonly string[],
    flags: { readonly limit?: number; readonly filter: readonly string[]; readonly format: string },
  ) => {
    const runtime = await context.runtime();
    const found = await runtime.images.search(term, {
      filters: parseFilters(flags.filter),
      ...(flags.limit !== undefined && { limit: flags.limit }),
    });
    await printListing(context, {
      ...flags,
      key: "Name",
      columns: { Name: "NAME", Description: "DESCRIPTION", StarCount: "STARS", IsOfficial: "OFFICIAL" },
      records: found.map(({ name, description, stars, isOfficial }) => ({
        Name: name,
        Description: description,
        StarCount: stars,
        IsOfficial: isOfficial ? "[OK]" : "",
      })),
    });
  },
};
