import type { BuildSession, BuildSource } from "./build-session.ts";
import { type Selection, treeSource } from "./tree-job.ts";

/** Digest of what a selection of a source holds: read, unless an earlier build has and nothing has changed since. */
export async function contentDigest(
  { trees }: BuildSession,
  { digests, keepsOwner }: BuildSource,
  selection: Omit<Selection, "keepsOwner">,
): Promise<string> {
  const { patterns, keepsParents = false } = selection;
  const source = treeSource(selection.source);
  const key = JSON.stringify([patterns, source.ignore, source.exclude, keepsOwner, keepsParents]);
  const known = digests?.get(key);
  if (known !== undefined) return known;
  const digest = await trees.run({ kind: "hash", source, patterns, keepsOwner, keepsParents });
  digests?.set(key, digest);
  return digest;
}
