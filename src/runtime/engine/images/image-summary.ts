import { compact } from "../../../lib/compact.ts";
import type { ImageHistoryEntry, ImageInfo, ImageSummary } from "../../index.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageStore, StoredImage } from "./image-store.ts";
import { familiarText, parseReference } from "./reference.ts";

export function summaryOf(context: ImageContext, image: StoredImage): ImageSummary {
  const references = context.images.referencesOf(image.id).map(parseReference);
  return {
    id: image.id,
    repoTags: references.filter(({ digest }) => digest === undefined).map(familiarText),
    repoDigests: references.filter(({ digest }) => digest !== undefined).map(familiarText),
    parentId: image.parentId ?? "",
    createdAt: createdAt(image),
    sizeBytes: sizeOf(image),
    labels: image.config.defaults.labels ?? {},
    containers: context.users.ofImage(image.id).length,
  };
}

export function infoOf(context: ImageContext, image: StoredImage): ImageInfo {
  const { config } = image;
  return compact<ImageInfo>({
    ...summaryOf(context, image),
    architecture: config.architecture,
    variant: config.variant,
    os: config.os,
    author: config.author ?? "",
    comment: config.comment ?? config.history.at(-1)?.comment ?? "",
    config: config.defaults,
    diffIds: config.diffIds,
    lastTaggedAt: image.lastTaggedAt === undefined ? undefined : new Date(image.lastTaggedAt),
  });
}

export function createdAt(image: StoredImage): Date {
  return instant(image.config.created);
}

function instant(text: string | undefined): Date {
  const time = Date.parse(text ?? "");
  return new Date(Number.isNaN(time) ? 0 : time);
}

export function sizeOf(image: StoredImage): number {
  return image.layers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
}

/** Newest first. Steps that were made here, by a build or commit, have ids of their own; others are `<missing>`. */
export function historyOf(images: ImageStore, image: StoredImage): readonly ImageHistoryEntry[] {
  const sizes = image.layers.map((layer) => layer.sizeBytes);
  const entries = image.config.history.map((entry) => ({
    id: "<missing>",
    createdAt: instant(entry.created),
    createdBy: entry.createdBy ?? "",
    sizeBytes: entry.isEmptyLayer ? 0 : (sizes.shift() ?? 0),
    comment: entry.comment ?? "",
    tags: [] as readonly string[],
  }));
  const newestFirst = entries.reverse();
  let at: StoredImage | undefined = image;
  return newestFirst.map((entry) => {
    if (at === undefined) return entry;
    const named = { ...entry, id: at.id, tags: tagsOf(images, at) };
    at = at.parentId === undefined ? undefined : images.get(at.parentId);
    return named;
  });
}

function tagsOf(images: ImageStore, image: StoredImage): readonly string[] {
  const references = images.referencesOf(image.id).map(parseReference);
  return references.filter(({ digest }) => digest === undefined).map(familiarText);
}
