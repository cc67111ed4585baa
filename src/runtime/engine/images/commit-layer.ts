import { Readable } from "node:stream";
import { compact } from "../../../lib/compact.ts";
import { RuntimeError } from "../../index.ts";
import type { ImagePart } from "../parts.ts";
import { createImage, topChainId } from "./create-image.ts";
import type { ImageConfig } from "./image-config.ts";
import type { ImageContext } from "./image-context.ts";
import type { ImageLayer, StoredImage } from "./image-store.ts";
import { taggable } from "./import-image.ts";
import { ingestLayer } from "./ingest-layer.ts";
import type { Lease } from "./leases.ts";
import { machinePlatform } from "./platform.ts";

type CommitLayerOptions = Parameters<ImagePart["commitLayer"]>[0];

/** A new image from a parent, one more layer or none, and a whole new configuration. */
export async function commitLayer(
  context: ImageContext,
  options: CommitLayerOptions,
): Promise<{ readonly id: string }> {
  const parent = parentOf(context, options.parentId);
  const references = options.reference === undefined ? [] : [taggable(options.reference)];
  const lease = context.leases.open();
  try {
    for (const layer of parent?.layers ?? []) lease.hold(layer.blob.digest);
    const added =
      options.layer === undefined ? undefined : await ingest(context, parent, options.layer, lease);
    return await createImage(context, {
      config: childConfig(parent, added, options),
      layers: [...(parent?.layers ?? []), ...(added === undefined ? [] : [added])],
      ...(parent === undefined ? {} : { parentId: parent.id }),
      references,
    });
  } finally {
    lease.release();
  }
}

function parentOf(context: ImageContext, parentId: string | undefined): StoredImage | undefined {
  if (parentId === undefined) return undefined;
  const parent = context.images.get(parentId);
  if (parent === undefined) throw new RuntimeError("not-found", `No such image: ${parentId}`);
  return parent;
}

async function ingest(
  context: ImageContext,
  parent: StoredImage | undefined,
  tar: NodeJS.ReadableStream,
  lease: Lease,
): Promise<ImageLayer> {
  const parentChainId = parent === undefined ? undefined : topChainId(parent);
  const stream = tar instanceof Readable ? tar : new Readable().wrap(tar);
  return ingestLayer(context, stream, { parentChainId, lease });
}

export function childConfig(
  parent: Pick<StoredImage, "config"> | undefined,
  added: ImageLayer | undefined,
  options: Pick<CommitLayerOptions, "config" | "createdBy" | "author" | "comment">,
): ImageConfig {
  const created = new Date().toISOString();
  const base = parent?.config;
  return compact<ImageConfig>({
    created,
    author: options.author ?? base?.author,
    comment: options.comment,
    ...(base === undefined ? machinePlatform() : { os: base.os, architecture: base.architecture }),
    variant: base?.variant,
    defaults: options.config,
    diffIds: [...(base?.diffIds ?? []), ...(added === undefined ? [] : [added.diffId])],
    history: [
      ...(base?.history ?? []),
      compact({
        created,
        createdBy: options.createdBy,
        author: options.author,
        comment: options.comment,
        isEmptyLayer: added === undefined,
      }),
    ],
  });
}
