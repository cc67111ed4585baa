import { hasKind, type Images, type PullOptions, RuntimeError } from "../../index.ts";
import type { ImageContext } from "./image-context.ts";
import { parsePlatform } from "./platform.ts";
import { manifestError, pulledStatus, pullImage } from "./pull-image.ts";
import { pullSession } from "./pull-session.ts";
import { canonicalText, familiarName, parseReference, type Reference } from "./reference.ts";
import { RegistrySession, Repository } from "./registry/index.ts";

type Pulled = Awaited<ReturnType<Images["pull"]>>;

/** All that the registry has tags for, one after the other; `invalid` when the name has a tag or digest of its own. */
export async function pullAllTags(
  context: ImageContext,
  text: string,
  options: PullOptions = {},
): Promise<Pulled> {
  const reference = parseReference(text);
  if (reference.tag !== undefined || reference.digest !== undefined)
    throw new RuntimeError("invalid", "tag can't be used with --all-tags/-a");
  if (options.platform !== undefined) parsePlatform(options.platform);
  const tags = await tagsOf(context, reference, options);
  let pulled: Pulled | undefined;
  let isNew = false;
  for (const tag of tags) {
    pulled = await pullImage(context, canonicalText({ ...reference, tag }), {
      ...options,
      // What they come to is told of all together.
      onProgress: (progress) => {
        if (!progress.status.startsWith("Status: ")) options.onProgress?.(progress);
      },
    });
    isNew ||= pulled.isNew;
  }
  const name = familiarName(reference);
  if (pulled === undefined) throw new RuntimeError("not-found", `repository ${name} has no tags`);
  options.onProgress?.(pulledStatus(name, isNew));
  return { ...pulled, isNew };
}

async function tagsOf(
  context: ImageContext,
  reference: Reference,
  options: PullOptions,
): Promise<readonly string[]> {
  const session = pullSession(reference, context.registries, options);
  try {
    return await RegistrySession.run(session, (opened) => new Repository(opened, reference.path).tags());
  } catch (error) {
    if (!hasKind(error, "not-found")) throw manifestError(reference, error);
    const name = familiarName(reference);
    throw new RuntimeError("not-found", `repository ${name} not found: ${error.message}`, { cause: error });
  }
}
