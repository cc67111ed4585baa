import type { Command } from "commander";
import type { ContainerSummary, DiskUsage, ImageSummary, VolumeInfo } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { type Listing, printListing } from "../render/listing.ts";
import { humanDuration, humanSize } from "../render/units.ts";
import { containerRecord } from "./container-ls.ts";
import { imageRecords } from "./image-ls.ts";

interface Flags {
  readonly format?: string;
  readonly verbose?: boolean;
}

export const systemDf: CliCommand = {
  summary: "Show what takes disk space",
  declare: (command: Command) =>
    command
      .option("--format <format>", "table, json or a Go template (default: table)")
      .option("-v, --verbose", "each image, container, volume and step of the build cache"),
  run: async (context: Context, _args: readonly string[], { format, verbose }: Flags) => {
    if (verbose === true && format !== undefined)
      throw usageError("--format and --verbose cannot be used together");
    const runtime = await context.runtime();
    const [usage, images, containers, volumes] = await Promise.all([
      runtime.diskUsage(),
      runtime.images.list(verbose === true ? { sharedSize: true } : {}),
      runtime.containers.list({ all: true, size: true }),
      runtime.volumes.list({}, { usage: true }),
    ]);
    const found = { usage, images, containers, volumes };
    if (verbose === true) await printEach(context, found);
    else await printTotals(context, found, format ?? "table");
  },
};

interface Found {
  readonly usage: DiskUsage;
  readonly images: readonly ImageSummary[];
  readonly containers: readonly ContainerSummary[];
  readonly volumes: readonly VolumeInfo[];
}

async function printTotals(
  context: Context,
  { usage, images, containers, volumes }: Found,
  format: string,
): Promise<void> {
  const used = new Set(containers.map(({ imageId }) => imageId));
  const live = containers.filter(({ state }) => state.status === "running" || state.status === "paused");
  const row = (type: string, total: number, active: number, bytes: number, free: number) => ({
    Active: String(active),
    Reclaimable: `${humanSize(free, 4)}${bytes > 0 ? ` (${Math.round((free / bytes) * 100)}%)` : ""}`,
    Size: humanSize(bytes, 4),
    TotalCount: String(total),
    Type: type,
  });
  const idle = images.filter(({ id }) => !used.has(id));
  const writable = (some: typeof containers) => sum(some.map(({ sizes }) => sizes?.writableBytes ?? 0));
  const volumeBytes = (some: typeof volumes) => sum(some.map((volume) => volume.usage?.sizeBytes ?? 0));
  const inUse = new Set(containers.flatMap(({ mounts }) => mounts.map(({ name }) => name)));
  const unused = volumes.filter(({ name }) => !inUse.has(name));
  const cache = usage.buildCache;
  const idleBytes = Math.min(usage.layersBytes, sum(idle.map(({ sizeBytes }) => sizeBytes)));
  await printListing(context, {
    format,
    key: "Type",
    columns: {
      Type: "TYPE",
      TotalCount: "TOTAL",
      Active: "ACTIVE",
      Size: "SIZE",
      Reclaimable: "RECLAIMABLE",
    },
    records: [
      row("Images", images.length, images.length - idle.length, usage.layersBytes, idleBytes),
      row(
        "Containers",
        containers.length,
        live.length,
        writable(containers),
        writable(containers.filter((one) => !live.includes(one))),
      ),
      row(
        "Local Volumes",
        volumes.length,
        volumes.length - unused.length,
        volumeBytes(volumes),
        volumeBytes(unused),
      ),
      row(
        "Build Cache",
        cache.length,
        cache.filter(({ isInUse }) => isInUse).length,
        sum(cache.map(({ sizeBytes }) => sizeBytes)),
        sum(cache.filter(({ isInUse }) => !isInUse).map(({ sizeBytes }) => sizeBytes)),
      ),
    ],
  });
}

/** As docker has it: four tables with a heading each. */
async function printEach(context: Context, { usage, images, containers, volumes }: Found): Promise<void> {
  const nowMs = Date.now();
  const section = async (heading: string, listing: Pick<Listing, "columns" | "records">) => {
    context.print(`${heading}\n\n`);
    await printListing(context, { format: "table", key: "", ...listing });
  };
  await section("Images space usage:", {
    columns: IMAGE_COLUMNS,
    records: images.flatMap((image) => imageRecords(image, { trunc: true })),
  });
  await section("\nContainers space usage:", {
    columns: CONTAINER_COLUMNS,
    records: containers.map((summary) => ({
      ...containerRecord(summary, nowMs, true),
      Size: humanSize(summary.sizes?.writableBytes ?? 0, 3),
    })),
  });
  await section("\nLocal Volumes space usage:", {
    columns: { Name: "VOLUME NAME", Links: "LINKS", Size: "SIZE" },
    records: volumes.map(({ name, usage: used }) => ({
      Name: name,
      Links: used?.references ?? "N/A",
      Size: used === undefined ? "N/A" : humanSize(used.sizeBytes, 4),
    })),
  });
  const cacheBytes = sum(usage.buildCache.map(({ sizeBytes }) => sizeBytes));
  await section(`\nBuild cache usage: ${humanSize(cacheBytes, 4)}`, {
    columns: CACHE_COLUMNS,
    records: usage.buildCache.map((step) => ({
      ID: step.id.slice(0, 12),
      CacheType: "regular",
      Size: humanSize(step.sizeBytes, 3),
      CreatedSince: `${humanDuration(nowMs - step.createdAt.getTime())} ago`,
      LastUsedSince:
        step.lastUsedAt === undefined ? "" : `${humanDuration(nowMs - step.lastUsedAt.getTime())} ago`,
      UsageCount: step.usageCount,
      Shared: false,
    })),
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

const IMAGE_COLUMNS = {
  Repository: "REPOSITORY",
  Tag: "TAG",
  ID: "IMAGE ID",
  CreatedSince: "CREATED",
  Size: "SIZE",
  SharedSize: "SHARED SIZE",
  UniqueSize: "UNIQUE SIZE",
  Containers: "CONTAINERS",
} as const;

const CONTAINER_COLUMNS = {
  ID: "CONTAINER ID",
  Image: "IMAGE",
  Command: "COMMAND",
  LocalVolumes: "LOCAL VOLUMES",
  Size: "SIZE",
  RunningFor: "CREATED",
  Status: "STATUS",
  Names: "NAMES",
} as const;

const CACHE_COLUMNS = {
  ID: "CACHE ID",
  CacheType: "CACHE TYPE",
  Size: "SIZE",
  CreatedSince: "CREATED",
  LastUsedSince: "LAST USED",
  UsageCount: "USAGE",
  Shared: "SHARED",
} as const;
