import { RuntimeError } from "../../index.ts";
import type { Digest } from "./digest.ts";
import type { ImageStore, StoredImage } from "./image-store.ts";
import { canonicalText, familiarText, parseReference, withDefaultTag } from "./reference.ts";

const FULL_ID = /^(?:sha256:)?([0-9a-f]{64})$/;
const ID_PREFIX = /^(?:sha256:)?([0-9a-f]{1,64})$/;

/**
 * By full id, reference, or unique prefix of an id, in that order, as Docker does. `not-found` with Docker's text.
 */
export function findImage(images: ImageStore, reference: string): StoredImage {
  const image = findImageIfThere(images, reference);
  if (image === undefined) throw noSuchImage(reference);
  return image;
}

export function findImageIfThere(images: ImageStore, reference: string): StoredImage | undefined {
  const full = FULL_ID.exec(reference);
  if (full !== null) return visible(images.get(`sha256:${full[1]}`));
  const named = byName(images, reference);
  if (named !== undefined) return named;
  const prefix = ID_PREFIX.exec(reference)?.[1];
  return prefix === undefined ? undefined : byPrefix(images, prefix);
}

/** As `findImage`, of those that cannot be read. */
export function findUnreadable(images: ImageStore, text: string): Digest | undefined {
  const prefix = ID_PREFIX.exec(text)?.[1];
  const matches = images
    .unreadable()
    .filter(
      (id) => id === idByName(images, text) || (prefix !== undefined && id.startsWith(`sha256:${prefix}`)),
    );
  return matches.length === 1 ? matches[0] : undefined;
}

/** Whether the text names the image by its id rather than by a reference. */
export function isIdPrefix(image: StoredImage, reference: string): boolean {
  const prefix = ID_PREFIX.exec(reference)?.[1];
  return prefix !== undefined && image.id.slice("sha256:".length).startsWith(prefix);
}

function byName(images: ImageStore, text: string): StoredImage | undefined {
  const id = idByName(images, text);
  return id === undefined ? undefined : visible(images.get(id));
}

function idByName(images: ImageStore, text: string): Digest | undefined {
  if (text.startsWith("sha256:")) return undefined;
  const reference = withDefaultTag(parseReference(text));
  // With both, the digest decides.
  const { tag: _tag, ...bare } = reference;
  const key = canonicalText(reference.digest === undefined ? reference : bare);
  return images.idOf(key);
}

function byPrefix(images: ImageStore, prefix: string): StoredImage | undefined {
  const matches = images.all().filter((image) => image.id.startsWith(`sha256:${prefix}`) && visible(image));
  return matches.length === 1 ? matches[0] : undefined;
}

function visible(image: StoredImage | undefined): StoredImage | undefined {
  return image?.isHeld === true ? undefined : image;
}

function noSuchImage(reference: string): RuntimeError {
  return new RuntimeError("not-found", `No such image: ${shownName(reference)}`);
}

function shownName(text: string): string {
  if (ID_PREFIX.test(text) && text.startsWith("sha256:")) return text;
  if (FULL_ID.test(text)) return `sha256:${text}`;
  return familiarText(withDefaultTag(parseReference(text)));
}
