import type { Command } from "commander";
import type { ImageSummary } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { parseFilters } from "../filters.ts";
import { repeated } from "../globals.ts";
import { splitReference } from "../reference.ts";
import { printListing } from "../render/listing.ts";
import { goTime, humanDuration, humanSize } from "../render/units.ts";

interface Flags {
  readonly all?: boolean;
  readonly digests?: boolean;
  readonly filter: readonly string[];
  readonly format: string;
  readonly trunc: boolean;
  readonly quiet?: boolean;
}

export const imageLs: CliCommand = {
  usage: "[repository[:tag]]",
  summary: "List images",
  declare: (command: Command) =>
    command
      .option("-a, --all", "those without a name that others are made of, too")
      .option("--digests", "with digests")
      .addOption(
        repeated("-f, --filter <key=value>", "only these: reference, dangling, label, before, since"),
      )
      .option("--format <format>", "table, json (one object a line) or a Go template", "table")
      .option("--no-trunc", "cut nothing short")
      .option("-q, --quiet", "only ids"),
  run: async (context: Context, [reference]: readonly string[], flags: Flags) => {
    const runtime = await context.runtime();
    const filters = parseFilters(flags.filter);
    const images = await runtime.images.list({
      all: flags.all === true,
      filters: reference === undefined ? filters : { ...filters, reference: [reference] },
    });
    await printListing(context, {
      ...flags,
      key: "ID",
      columns: {
        Repository: "REPOSITORY",
        Tag: "TAG",
        ...(flags.digests === true && { Digest: "DIGEST" }),
        ID: "IMAGE ID",
        CreatedSince: "CREATED",
        Size: "SIZE",
      },
      records: images.flatMap((image) => imageRecords(image, flags)),
    });
  },
};

/** One a name: an image of several names is listed several times, as docker does. */
export function imageRecords(
  image: ImageSummary,
  { trunc }: Pick<Flags, "trunc">,
): readonly Readonly<Record<string, unknown>>[] {
  const { sharedBytes } = image;
  const names = image.repoTags.length > 0 ? image.repoTags : ["<none>:<none>"];
  return names.map((name) => {
    const { repository, tag } = splitReference(name);
    const digest = image.repoDigests.find((entry) => entry.startsWith(`${repository}@`))?.split("@")[1];
    return {
      Containers: image.containers < 0 ? "N/A" : String(image.containers),
      CreatedAt: goTime(image.createdAt),
      CreatedSince: `${humanDuration(Date.now() - image.createdAt.getTime())} ago`,
      Digest: digest ?? "<none>",
      ID: trunc ? image.id.replace(/^sha256:/, "").slice(0, 12) : image.id,
      Repository: repository,
      SharedSize: sharedBytes === undefined ? "N/A" : humanSize(sharedBytes, 4),
      Size: humanSize(image.sizeBytes, 3),
      Tag: tag,
      UniqueSize: sharedBytes === undefined ? "N/A" : humanSize(image.sizeBytes - sharedBytes, 4),
      VirtualSize: humanSize(image.sizeBytes, 4),
    };
  });
}
