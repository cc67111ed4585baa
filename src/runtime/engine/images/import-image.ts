import type { Readable } from "node:stream";
import { applyChanges } from "../../dockerfile/index.ts";
import { type ImageDefaults, type Images, RuntimeError } from "../../index.ts";
import { decompressed } from "./compression.ts";
import { createImage } from "./create-image.ts";
import type { ImageContext } from "./image-context.ts";
import { ingestLayer } from "./ingest-layer.ts";
import { machinePlatform, parsePlatform } from "./platform.ts";
import { canonicalText, familiarName, parseReference, withDefaultTag } from "./reference.ts";

type ImportOptions = NonNullable<Parameters<Images["import"]>[1]>;

/** An image of one layer from the tar of a root file system. */
export async function importImage(
  context: ImageContext,
  archive: Readable,
  options: ImportOptions = {},
): Promise<{ readonly id: string }> {
  const reference = options.reference === undefined ? undefined : taggable(options.reference);
  const platform = options.platform === undefined ? machinePlatform() : parsePlatform(options.platform);
  const { config } = applyChanges({} satisfies ImageDefaults, options.changes ?? []);
  const lease = context.leases.open();
  try {
    const tar = await decompressed(archive, options.signal);
    const layer = await ingestLayer(context, tar, { lease, signal: options.signal });
    const created = new Date().toISOString();
    const comment = options.message ?? "Imported from -";
    return await createImage(context, {
      config: {
        created,
        comment,
        ...platform,
        defaults: config,
        diffIds: [layer.diffId],
        history: [{ created, comment, isEmptyLayer: false }],
      },
      layers: [layer],
      references: reference === undefined ? [] : [reference],
    });
  } catch (error) {
    archive.destroy();
    throw error;
  } finally {
    lease.release();
  }
}

/** The canonical form of a name that an image can be given. */
export function taggable(text: string): string {
  const reference = withDefaultTag(parseReference(text));
  if (reference.digest !== undefined)
    throw new RuntimeError("invalid", "refusing to create a tag with a digest reference");
  if (familiarName(reference) === "sha256")
    throw new RuntimeError("invalid", "refusing to create an ambiguous tag using digest algorithm as name");
  return canonicalText(reference);
}
