import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import PQueue from "p-queue";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { type Log, silentLog } from "../../../lib/log.ts";
import type { BuildOptions, DiskUsage, Images } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { OpenedImages } from "../images/index.ts";
import { Trash } from "../rootfs/index.ts";
import { BuildCache } from "./build-cache.ts";
import type { BuilderContext, RunStep } from "./build-session.ts";
import { CacheMounts } from "./cache-mounts.ts";
import { cacheUsage, type PruneCacheOptions, type PrunedCache, pruneCache } from "./cache-usage.ts";
import { KeptFolders } from "./kept-folders.ts";
import { buildFiles, buildImage } from "./run-build.ts";
import { TreeThreads } from "./trees.ts";

export interface BuilderOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly images: OpenedImages;
  readonly run: RunStep;
  readonly log?: Log;
}

export interface BuildPart {
  build(options: BuildOptions): Promise<{ readonly id: string }>;
  readonly buildFiles: Images["buildFiles"];
  usage(): Promise<DiskUsage["buildCache"]>;
  prune(options?: PruneCacheOptions): Promise<PrunedCache>;
}

/** Builds images from Dockerfiles. Opened before the images recover, since its cache needs layers of theirs. */
export async function openBuilder({
  layout,
  host,
  images,
  run,
  log = silentLog,
}: BuilderOptions): Promise<BuildPart> {
  await mkdir(layout.buildCacheDir, { recursive: true, mode: 0o700 });
  const cache = await BuildCache.open(layout.buildCacheDir);
  images.context.otherNeeds.add(() =>
    cache
      .entries()
      .flatMap(({ layer, chainId }) =>
        layer === undefined || chainId === undefined ? [] : [layer.blob.digest, chainId],
      ),
  );
  const trash = await Trash.open(layout.temporaryDir);
  const builder: BuilderContext = {
    layout,
    host,
    images,
    trash,
    cache,
    run,
    treeThreads: new TreeThreads(),
    keptFolders: new KeptFolders(layout, trash),
    steps: new KeyedMutex(),
    commands: new PQueue({ concurrency: Math.max(2, availableParallelism()) }),
    cacheMounts: new CacheMounts(layout, trash),
    log,
  };
  return {
    build: (options) => buildImage(builder, options),
    buildFiles: (options, take) => buildFiles(builder, options, take),
    usage: () => cacheUsage(builder),
    prune: (options) => pruneCache(builder, options),
  };
}
