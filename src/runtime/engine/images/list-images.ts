import { matchesGlob } from "../../../lib/glob-match.ts";
import { type ImageSummary, type Images, RuntimeError } from "../../index.ts";
import { checkFilterKeys, isTrueFilter, matchesLabels, parseUntil } from "../filters.ts";
import { chainIdsOf, type Digest } from "./digest.ts";
import { findImage } from "./find-image.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";
import { createdAt, summaryOf } from "./image-summary.ts";
import { familiarName, familiarText, parseReference } from "./reference.ts";

type Test = (image: StoredImage, summary: ImageSummary) => boolean;

/** Filters of `docker images`, each turned into a test. */
const FILTERS: Readonly<Record<string, (context: ImageContext, values: readonly string[]) => Test>> = {
  dangling: (_context, values) => {
    const wanted = isTrueFilter("dangling", values);
    return (_image, summary) => isDangling(summary) === wanted;
  },
  label: (_context, values) => (_image, summary) => matchesLabels(summary.labels, values),
  before: (context, values) => {
    const limit = Math.min(...values.map((value) => createdAt(findImage(context.images, value)).getTime()));
    return (image) => createdAt(image).getTime() < limit;
  },
  since: (context, values) => {
    const limit = Math.max(...values.map((value) => createdAt(findImage(context.images, value)).getTime()));
    return (image) => createdAt(image).getTime() > limit;
  },
  until: (_context, values) => {
    const limit = Math.min(...values.map((value) => parseUntil(value, Date.now())));
    return (image) => createdAt(image).getTime() < limit;
  },
  // Which names are shown is decided where the summary is made.
  reference: () => (_image, summary) => summary.repoTags.length + summary.repoDigests.length > 0,
};

const KEYS: ReadonlySet<string> = new Set(Object.keys(FILTERS));

/** Newest first. Without `all`, images that only are steps of others are left out. */
export function listImages(
  context: ImageContext,
  options: Parameters<Images["list"]>[0] = {},
): readonly ImageSummary[] {
  checkFilterKeys(options.filters ?? {}, KEYS);
  const filters = Object.entries(options.filters ?? {}).filter(([, values]) => values.length > 0);
  const tests = filters.flatMap(([key, values]) => FILTERS[key]?.(context, values) ?? []);
  const patterns = options.filters?.["reference"] ?? [];
  const shared = options.sharedSize === true ? sharedBytesIn(context) : () => ({});
  return context.images
    .all()
    .filter((image) => image.isHeld !== true)
    .map((image) => ({
      image,
      summary: withMatching({ ...summaryOf(context, image), ...shared(image) }, patterns),
    }))
    .filter(({ image, summary }) => options.all === true || !isStep(context, image, summary))
    .filter(({ image, summary }) => tests.every((test) => test(image, summary)))
    .map(({ summary }) => summary)
    .sort((a, b) => b.createdAt.getTime() - a.createdAt.getTime());
}

/** A layer of several images counts for each of them. */
function sharedBytesIn(context: ImageContext): (image: StoredImage) => Pick<ImageSummary, "sharedBytes"> {
  const users = new Map<Digest | undefined, number>();
  const chainOf = ({ layers }: StoredImage) => chainIdsOf(layers.map(({ diffId }) => diffId));
  for (const image of context.images.all())
    if (image.isHeld !== true && !isStep(context, image, summaryOf(context, image)))
      for (const chainId of chainOf(image)) users.set(chainId, (users.get(chainId) ?? 0) + 1);
  return (image) => {
    const chain = chainOf(image);
    const isShared = (index: number) => (users.get(chain[index]) ?? 0) > 1;
    const shared = image.layers.filter((_, index) => isShared(index));
    return { sharedBytes: shared.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) };
  };
}

function isDangling(summary: ImageSummary): boolean {
  return summary.repoTags.length === 0 && summary.repoDigests.length === 0;
}

function isStep(context: ImageContext, image: StoredImage, summary: ImageSummary): boolean {
  return isDangling(summary) && context.images.childrenOf(image.id).length > 0;
}

function withMatching(summary: ImageSummary, patterns: readonly string[]): ImageSummary {
  if (patterns.length === 0) return summary;
  const matches = (name: string) => patterns.some((pattern) => matchesReference(pattern, name));
  return {
    ...summary,
    repoTags: summary.repoTags.filter(matches),
    repoDigests: summary.repoDigests.filter(matches),
  };
}

/** A shell pattern over the familiar form, with or without the tag. */
function matchesReference(pattern: string, name: string): boolean {
  const reference = parseReference(name);
  try {
    return matchesGlob(pattern, familiarText(reference)) || matchesGlob(pattern, familiarName(reference));
  } catch (cause) {
    throw new RuntimeError("invalid", `invalid filter 'reference=${pattern}'`, { cause });
  }
}
