import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { KeyedMutex, Mutex } from "../../../lib/keyed-mutex.ts";
import { type Log, silentLog } from "../../../lib/log.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { ImagePart, Users } from "../parts.ts";
import { Trash } from "../rootfs/index.ts";
import { logInToRegistry, resolveInRegistry, searchRegistry } from "./ask-registry.ts";
import { collectAllGarbage, collectHeld } from "./collect-garbage.ts";
import { commitLayer } from "./commit-layer.ts";
import { ContentStore } from "./content-store.ts";
import { findImage } from "./find-image.ts";
import type { ImageContext } from "./image-context.ts";
import { ImageStore } from "./image-store.ts";
import { historyOf, infoOf } from "./image-summary.ts";
import { ImageUsers } from "./image-users.ts";
import { importImage, taggable } from "./import-image.ts";
import { LayerStore } from "./layer-store.ts";
import { Leases } from "./leases.ts";
import { listImages } from "./list-images.ts";
import { loadImages } from "./load-images.ts";
import { pruneImages } from "./prune-images.ts";
import { pullAllTags } from "./pull-all-tags.ts";
import { pullImage } from "./pull-image.ts";
import { pushImage } from "./push-image.ts";
import type { RegistrySettings } from "./registry/index.ts";
import { removeImage } from "./remove-image.ts";
import { resolveImage } from "./resolve-image.ts";
import { saveImages } from "./save-images.ts";

export interface ImagesOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly users: Users;
  readonly log?: Log;
  readonly registries?: RegistrySettings;
}

/** With what the builder needs besides: it makes layers of its own. */
export interface OpenedImages extends ImagePart {
  readonly context: ImageContext;
}

/** The images below a data root. One process at a time; `recover` before the first use after a start. */
export async function openImages(options: ImagesOptions): Promise<OpenedImages> {
  const context = await openContext(options);
  return {
    context,
    port: {
      list: async (filters) => listImages(context, filters),
      inspect: async (reference) => infoOf(context, findImage(context.images, reference)),
      history: async (reference) => historyOf(context.images, findImage(context.images, reference)),
      tag: (source, target) => tagImage(context, source, target),
      remove: (reference, how) => removeImage(context, reference, how),
      import: (archive, how) => importImage(context, archive, how),
      prune: (filters) => pruneImages(context, filters),
      load: (archive, how) => loadImages(context, archive, how),
      save: (references) => saveImages(context, references),
      pull: (reference, how) => (how?.allTags ? pullAllTags : pullImage)(context, reference, how),
      push: (reference, how) => pushImage(context, reference, how),
      resolve: (reference, how) => resolveInRegistry(context, reference, how),
      search: (term, how) => searchRegistry(context, term, how),
      login: (credentials) => logInToRegistry(context, credentials),
    },
    resolve: (reference, containerId) => resolveImage(context, reference, containerId),
    settled: (containerId) => context.users.settled(containerId),
    commitLayer: (how) => commitLayer(context, how),
    collectHeld: () => collectHeld(context),
    recover: () => recover(context, options.host),
  };
}

async function openContext({
  layout,
  users,
  log = silentLog,
  registries = {},
}: ImagesOptions): Promise<ImageContext> {
  const content = await ContentStore.open(layout);
  const trash = await Trash.open(layout.temporaryDir);
  const layers = await LayerStore.open(layout, trash);
  const images = await ImageStore.open(layout, content, log);
  return {
    layout,
    content,
    layers,
    images,
    trash,
    users: new ImageUsers(users),
    log,
    registries,
    leases: new Leases(),
    otherNeeds: new Set(),
    changing: new Mutex(),
    fetching: new KeyedMutex(),
  };
}

async function tagImage(context: ImageContext, source: string, target: string): Promise<void> {
  const reference = taggable(target);
  await context.changing.run(async () => {
    const { config: _config, ...record } = findImage(context.images, source);
    await context.images.changeReferences({ [reference]: record.id });
    await context.images.put({ ...record, lastTaggedAt: new Date().toISOString() });
  });
}

/** Of all unpacked layers, each counted once. */
export function layersBytes({ context }: OpenedImages): number {
  return context.layers.all().reduce((sum, layer) => sum + layer.sizeBytes, 0);
}

/** After a crash: unfinished downloads and unpackings go, and what no image needs. */
async function recover(context: ImageContext, host: Host): Promise<void> {
  const mounts = await readFile("/proc/self/mountinfo", "utf8");
  for (const point of mounts.split("\n").flatMap((line) => line.split(" ")[4] ?? []))
    if (point.startsWith(`${context.layout.temporaryDir}/`)) await host.unmount(point, { lazy: true });
  for (const name of await readdir(context.layout.temporaryDir)) {
    if (/^(?:blob|layer|partial|build)-[0-9a-f]{16,64}$/.test(name))
      await context.trash.discard(join(context.layout.temporaryDir, name));
  }
  await collectAllGarbage(context);
}
