import type { Command } from "commander";
import type { ImageInfo } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { projectName } from "../project.ts";
import { splitReference } from "../reference.ts";
import { goJson } from "../render/go-json.ts";
import { renderTable } from "../render/table.ts";
import { humanDuration, humanSize } from "../render/units.ts";
import { stackContainers } from "../stack-containers.ts";

interface Flags {
  readonly format: string;
  readonly quiet?: boolean;
}

interface Row {
  readonly containerName: string;
  readonly reference: string;
  readonly image: ImageInfo | undefined;
  readonly id: string;
}

export const images: CliCommand = {
  usage: "[services...]",
  summary: "List images of the created containers",
  declare: (command: Command) =>
    command.option("--format <format>", "table or json", "table").option("-q, --quiet", "only ids"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    if (flags.format !== "table" && flags.format !== "json")
      throw usageError(`Unknown format "${flags.format}"`);
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const found = await stackContainers(runtime, name, { all: true, services });
    const known = new Map<string, Promise<ImageInfo | undefined>>();
    for (const { summary } of found) {
      if (!known.has(summary.imageId)) {
        known.set(
          summary.imageId,
          runtime.images.inspect(summary.imageId).catch(() => undefined),
        );
      }
    }
    const rows = await Promise.all(
      found.map(
        async ({ summary }): Promise<Row> => ({
          containerName: summary.name,
          reference: summary.image,
          id: summary.imageId,
          image: await known.get(summary.imageId),
        }),
      ),
    );
    if (flags.quiet === true) {
      for (const id of new Set(rows.map((row) => row.id))) context.printLine(id.replace(/^sha256:/, ""));
    } else if (flags.format === "json") context.printLine(goJson(rows.map(jsonOf)));
    else context.print(tableOf(rows));
  },
};

function jsonOf({ containerName, reference, id, image }: Row): object {
  const { repository, tag } = splitReference(reference);
  return {
    ID: id,
    ContainerName: containerName,
    Repository: repository,
    Tag: tag,
    Platform: platformOf(image),
    Size: image?.sizeBytes ?? 0,
    ...(image !== undefined && { Created: image.createdAt.toISOString() }),
    LastTagTime: (image?.lastTaggedAt ?? new Date(0)).toISOString(),
  };
}

function tableOf(rows: readonly Row[]): string {
  return renderTable(
    ["CONTAINER", "REPOSITORY", "TAG", "PLATFORM", "IMAGE ID", "SIZE", "CREATED"],
    rows.map(({ containerName, reference, id, image }) => {
      const { repository, tag } = splitReference(reference);
      return [
        containerName,
        repository,
        tag,
        platformOf(image),
        id.replace(/^sha256:/, "").slice(0, 12),
        humanSize(image?.sizeBytes ?? 0, 3),
        image === undefined ? "N/A" : `${humanDuration(Date.now() - image.createdAt.getTime())} ago`,
      ];
    }),
  );
}

function platformOf(image: ImageInfo | undefined): string {
  if (image === undefined) return "";
  return [image.os, image.architecture, image.variant].filter((part) => (part ?? "") !== "").join("/");
}
