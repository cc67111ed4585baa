import { compact } from "../../lib/compact.ts";
import type { ImageHistoryEntry, ImageInfo, ImageSummary } from "../index.ts";
import { imageConfigFromWire, imageConfigToWire } from "./image-config.ts";
import { timeFromWire } from "./time.ts";
import type { WireObject } from "./wire-object.ts";

type Wire = Readonly<Record<string, unknown>>;

/** A line of `GET /images/json`. */
export function imageSummaryToWire(summary: ImageSummary): Wire {
  return {
    Containers: summary.containers,
    Created: seconds(summary.createdAt),
    Id: summary.id,
    Labels: Object.keys(summary.labels).length === 0 ? null : summary.labels,
    ParentId: summary.parentId,
    RepoDigests: summary.repoDigests,
    RepoTags: summary.repoTags,
    SharedSize: summary.sharedBytes ?? -1,
    Size: summary.sizeBytes,
  };
}

export function imageSummaryFromWire(line: WireObject): ImageSummary {
  const shared = line.number("SharedSize") ?? -1;
  return {
    ...(shared >= 0 && { sharedBytes: shared }),
    id: line.text("Id") ?? "",
    repoTags: (line.texts("RepoTags") ?? []).filter((tag) => tag !== "<none>:<none>"),
    repoDigests: (line.texts("RepoDigests") ?? []).filter((digest) => !digest.startsWith("<none>")),
    parentId: line.text("ParentId") ?? "",
    createdAt: new Date((line.number("Created") ?? 0) * 1000),
    sizeBytes: line.number("Size") ?? 0,
    labels: line.record("Labels") ?? {},
    containers: line.number("Containers") ?? -1,
  };
}

/** The answer of `GET /images/{name}/json`. Before API 1.44 it tells the size a second time. */
export function imageInfoToWire(info: ImageInfo, apiMinor = Number.POSITIVE_INFINITY): Wire {
  return compact<Record<string, unknown>>({
    Id: info.id,
    RepoTags: info.repoTags,
    RepoDigests: info.repoDigests,
    Parent: info.parentId,
    Comment: info.comment,
    Created: info.createdAt.toISOString(),
    DockerVersion: "",
    Author: info.author,
    Architecture: info.architecture,
    Variant: info.variant,
    Os: info.os,
    Size: info.sizeBytes,
    VirtualSize: apiMinor < 44 ? info.sizeBytes : undefined,
    GraphDriver: { Data: null, Name: "overlay2" },
    RootFS: { Type: "layers", Layers: info.diffIds },
    Metadata: { LastTagTime: info.lastTaggedAt?.toISOString() ?? "0001-01-01T00:00:00Z" },
    Config: imageConfigToWire(info.config),
  });
}

export function imageInfoFromWire(body: WireObject): ImageInfo {
  const config = body.object("Config");
  return compact<ImageInfo>({
    id: body.text("Id") ?? "",
    repoTags: body.texts("RepoTags") ?? [],
    repoDigests: body.texts("RepoDigests") ?? [],
    parentId: body.text("Parent") ?? "",
    createdAt: timeFromWire(body.text("Created")) ?? new Date(0),
    sizeBytes: body.number("Size") ?? 0,
    labels: config.record("Labels") ?? {},
    containers: -1,
    architecture: body.text("Architecture") ?? "",
    variant: body.filled("Variant"),
    os: body.text("Os") ?? "",
    author: body.text("Author") ?? "",
    comment: body.text("Comment") ?? "",
    config: imageConfigFromWire(config),
    diffIds: body.object("RootFS").texts("Layers") ?? [],
    lastTaggedAt: timeFromWire(body.object("Metadata").text("LastTagTime")),
  });
}

export function historyEntryToWire(entry: ImageHistoryEntry): Wire {
  return {
    Comment: entry.comment,
    Created: seconds(entry.createdAt),
    CreatedBy: entry.createdBy,
    Id: entry.id,
    Size: entry.sizeBytes,
    Tags: entry.tags.length === 0 ? null : entry.tags,
  };
}

export function historyEntryFromWire(entry: WireObject): ImageHistoryEntry {
  return {
    id: entry.text("Id") ?? "<missing>",
    createdAt: new Date((entry.number("Created") ?? 0) * 1000),
    createdBy: entry.text("CreatedBy") ?? "",
    sizeBytes: entry.number("Size") ?? 0,
    comment: entry.text("Comment") ?? "",
    tags: entry.texts("Tags") ?? [],
  };
}

export type Removal = { readonly untagged: string } | { readonly deleted: string };

export function removalToWire(removal: Removal): Wire {
  return "untagged" in removal ? { Untagged: removal.untagged } : { Deleted: removal.deleted };
}

export function removalFromWire(item: WireObject): Removal {
  const untagged = item.text("Untagged");
  return untagged === undefined ? { deleted: item.text("Deleted") ?? "" } : { untagged };
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}
