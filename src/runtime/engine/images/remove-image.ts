import { type Images, RuntimeError } from "../../index.ts";
import { collectAllGarbage, collectGarbage } from "./collect-garbage.ts";
import type { Digest } from "./digest.ts";
import { findImage, findUnreadable, isIdPrefix } from "./find-image.ts";
import type { ImageContext } from "./image-context.ts";
import type { StoredImage } from "./image-store.ts";
import {
  canonicalText,
  familiarText,
  parseReference,
  type Reference,
  repositoryOf,
  withDefaultTag,
} from "./reference.ts";

export type Removal = Awaited<ReturnType<Images["remove"]>>[number];
type RemoveOptions = NonNullable<Parameters<Images["remove"]>[1]>;

/**
 * As `docker rmi`: by name, the name goes and with the last name the image; by id, the image goes with all its
 * names if they belong to one repository. Parents that nothing else needs go too. Reproduced from dockerd 28.
 */
export async function removeImage(
  context: ImageContext,
  text: string,
  options: RemoveOptions = {},
): Promise<readonly Removal[]> {
  return context.changing.run(async () => {
    const removals: Removal[] = [];
    const unreadable = findUnreadable(context.images, text);
    if (unreadable !== undefined) {
      await removeUnreadable(context, unreadable, removals);
      return removals;
    }
    const image = findImage(context.images, text);
    if (isIdPrefix(image, text)) await removeById(context, image, options, removals);
    else await removeByName(context, image, text, options, removals);
    return removals;
  });
}

/** What it was made of is known to nobody, so that all that nothing needs has to be looked for. */
async function removeUnreadable(context: ImageContext, id: Digest, removals: Removal[]): Promise<void> {
  const [user] = context.users.ofImage(id);
  if (user !== undefined)
    refuse(
      { id },
      { reason: `image is being used by container ${shortId(user.id)}`, isHard: true, isUsed: true },
    );
  await untag(context, referencesOf(context, { id }), removals);
  await context.images.delete(id);
  removals.push({ deleted: id });
  await collectAllGarbage(context);
}

async function removeById(
  context: ImageContext,
  image: StoredImage,
  options: RemoveOptions,
  removals: Removal[],
): Promise<void> {
  const references = referencesOf(context, image);
  if (isSingleName(references)) {
    // Its own names are no obstacle here; everything else is.
    refuse(
      image,
      hardConflict(context, image) ?? (options.force ? undefined : stoppedConflict(context, image)),
    );
    await untag(context, references, removals);
  }
  await deleteImage(context, image, { force: options.force === true, isQuiet: false }, removals);
  if (options.noPrune !== true) await deleteParents(context, image, removals);
}

async function removeByName(
  context: ImageContext,
  image: StoredImage,
  text: string,
  options: RemoveOptions,
  removals: Removal[],
): Promise<void> {
  const reference = bareReference(text);
  const user = context.users.ofImage(image.id)[0];
  if (!options.force && user !== undefined && isSingleName(referencesOf(context, image)))
    throw new RuntimeError(
      "conflict",
      `conflict: unable to remove repository reference "${text}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(image.id)}`,
    );
  await untag(context, [reference], removals);
  const left = referencesOf(context, image);
  if (reference.digest === undefined) {
    const sameRepository = left.filter((other) => repositoryOf(other) === repositoryOf(reference));
    // Digests only accompany a tag of the same repository.
    if (sameRepository.every((other) => other.digest !== undefined))
      await untag(context, sameRepository, removals);
  }
  if (referencesOf(context, image).length > 0) return;
  const isDeleted = await deleteImage(
    context,
    image,
    { force: options.force === true, isQuiet: true },
    removals,
  );
  if (isDeleted && options.noPrune !== true) await deleteParents(context, image, removals);
}

function bareReference(text: string): Reference {
  const { tag, ...rest } = withDefaultTag(parseReference(text));
  return rest.digest !== undefined || tag === undefined ? rest : { ...rest, tag };
}

function referencesOf(context: ImageContext, image: Pick<StoredImage, "id">): readonly Reference[] {
  return context.images.referencesOf(image.id).map(parseReference);
}

/** At most one tag, and no digest of another repository. */
function isSingleName(references: readonly Reference[]): boolean {
  if (references.length <= 1) return true;
  if (references.filter(({ digest }) => digest === undefined).length > 1) return false;
  return new Set(references.map(repositoryOf)).size === 1;
}

async function untag(
  context: ImageContext,
  references: readonly Reference[],
  removals: Removal[],
): Promise<void> {
  if (references.length === 0) return;
  const changes = references.map((reference) => [canonicalText(reference), undefined] as const);
  await context.images.changeReferences(Object.fromEntries(changes));
  removals.push(...references.map((reference) => ({ untagged: familiarText(reference) })));
}

/** Whether it was deleted. `isQuiet`: a conflict leaves it in place and is no error. */
async function deleteImage(
  context: ImageContext,
  image: StoredImage,
  options: { readonly force: boolean; readonly isQuiet: boolean },
  removals: Removal[],
): Promise<boolean> {
  const conflict = hardConflict(context, image) ?? (options.force ? undefined : softConflict(context, image));
  if (conflict !== undefined) {
    const isDangling = context.images.referencesOf(image.id).length === 0;
    if (options.isQuiet && (!isDangling || conflict.isUsed)) return false;
    refuse(image, conflict);
  }
  await untag(context, referencesOf(context, image), removals);
  if (context.users.ofImage(image.id).length > 0)
    await context.images.put({ ...recordOf(image), isHeld: true });
  else await context.images.delete(image.id);
  removals.push({ deleted: image.id });
  const { layers } = await collectGarbage(context, image);
  removals.push(...layers.map((deleted) => ({ deleted })));
  return true;
}

async function deleteParents(context: ImageContext, image: StoredImage, removals: Removal[]): Promise<void> {
  let parent = image.parentId === undefined ? undefined : context.images.get(image.parentId);
  while (parent !== undefined && parent.isHeld !== true) {
    const isGone = await deleteImage(context, parent, { force: false, isQuiet: true }, removals).catch(
      (error) => {
        if (error instanceof RuntimeError && error.kind === "conflict") return false;
        throw error;
      },
    );
    if (!isGone) return;
    parent = parent.parentId === undefined ? undefined : context.images.get(parent.parentId);
  }
}

function recordOf({ config: _config, ...record }: StoredImage) {
  return record;
}

interface Conflict {
  readonly reason: string;
  readonly isHard: boolean;
  readonly isUsed: boolean;
}

function hardConflict(context: ImageContext, image: StoredImage): Conflict | undefined {
  if (context.images.childrenOf(image.id).length > 0)
    return { reason: "image has dependent child images", isHard: true, isUsed: false };
  const running = context.users.ofImage(image.id).find(({ isRunning }) => isRunning);
  if (running === undefined) return undefined;
  return {
    reason: `image is being used by running container ${shortId(running.id)}`,
    isHard: true,
    isUsed: true,
  };
}

function softConflict(context: ImageContext, image: StoredImage): Conflict | undefined {
  if (context.images.referencesOf(image.id).length > 0)
    return { reason: "image is referenced in multiple repositories", isHard: false, isUsed: false };
  return stoppedConflict(context, image);
}

function stoppedConflict(context: ImageContext, image: StoredImage): Conflict | undefined {
  const stopped = context.users.ofImage(image.id)[0];
  if (stopped === undefined) return undefined;
  return {
    reason: `image is being used by stopped container ${shortId(stopped.id)}`,
    isHard: false,
    isUsed: true,
  };
}

function refuse(image: Pick<StoredImage, "id">, conflict: Conflict | undefined): void {
  if (conflict === undefined) return;
  const how = conflict.isHard ? "cannot be forced" : "must be forced";
  throw new RuntimeError(
    "conflict",
    `conflict: unable to delete ${shortId(image.id)} (${how}) - ${conflict.reason}`,
  );
}

function shortId(id: string): string {
  return id.replace(/^sha256:/, "").slice(0, 12);
}
