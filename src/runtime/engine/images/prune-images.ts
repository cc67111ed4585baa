import { type Filters, type Images, RuntimeError } from "../../index.ts";
import { checkFilterKeys, isTrueFilter, matchesLabels, parseUntil } from "../filters.ts";
import { collectAllGarbage } from "./collect-garbage.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";
import { createdAt } from "./image-summary.ts";
import { familiarText, parseReference } from "./reference.ts";
import { type Removal, removeImage } from "./remove-image.ts";

const KEYS: ReadonlySet<string> = new Set(["dangling", "label", "label!", "until"]);

type Pruned = Awaited<ReturnType<Images["prune"]>>;

/** Unused images without a name; with `dangling=false` all unused ones. */
export async function pruneImages(context: ImageContext, filters: Filters = {}): Promise<Pruned> {
  const test = pruneTest(filters);
  const bytesBefore = layerBytes(context);
  const removed: Removal[] = [];
  const candidates = context.images.all().filter((image) => image.isHeld !== true && test(context, image));
  // Children first: a parent can only go after them, and then goes with them.
  candidates.sort(
    (a, b) => b.layers.length - a.layers.length || createdAt(b).getTime() - createdAt(a).getTime(),
  );
  for (const image of candidates) {
    if (context.images.get(image.id) === undefined || isInUse(context, image)) continue;
    const names = context.images
      .referencesOf(image.id)
      .map((reference) => familiarText(parseReference(reference)));
    for (const name of names.length === 0 ? [image.id] : names) {
      if (context.images.get(image.id) === undefined) break;
      removed.push(...(await removeIfFree(context, name)));
    }
  }
  // Also what pulls that failed left for a next try.
  await context.changing.run(() => collectAllGarbage(context));
  return { removed, reclaimedBytes: bytesBefore - layerBytes(context) };
}

async function removeIfFree(context: ImageContext, name: string): Promise<readonly Removal[]> {
  try {
    return await removeImage(context, name);
  } catch (error) {
    // Somebody began to use it, or took the name away, after we looked.
    if (error instanceof RuntimeError && (error.kind === "conflict" || error.kind === "not-found")) return [];
    throw error;
  }
}

function isInUse(context: ImageContext, image: StoredImage): boolean {
  return context.users.ofImage(image.id).length > 0 || context.images.childrenOf(image.id).length > 0;
}

function pruneTest(filters: Filters): (context: ImageContext, image: StoredImage) => boolean {
  checkFilterKeys(filters, KEYS);
  const danglingOnly = isTrueFilter("dangling", filters["dangling"] ?? ["true"]);
  const until = Math.min(...(filters["until"] ?? []).map((text) => parseUntil(text, Date.now())));
  return (context, image) => {
    const labels = image.config.defaults.labels ?? {};
    if (danglingOnly && context.images.referencesOf(image.id).length > 0) return false;
    if (createdAt(image).getTime() >= until) return false;
    if (!matchesLabels(labels, filters["label"] ?? [])) return false;
    return !(filters["label!"] ?? []).some((label) => matchesLabels(labels, [label]));
  };
}

function layerBytes(context: ImageContext): number {
  return context.layers.all().reduce((sum, layer) => sum + layer.sizeBytes, 0);
}
