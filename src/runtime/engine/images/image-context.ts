import type { KeyedMutex, Mutex } from "../../../lib/keyed-mutex.ts";
import type { Log } from "../../../lib/log.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Trash } from "../rootfs/index.ts";
import type { ContentStore } from "./content-store.ts";
import type { Digest } from "./digest.ts";
import type { ImageStore } from "./image-store.ts";
import type { ImageUsers } from "./image-users.ts";
import type { LayerStore } from "./layer-store.ts";
import type { Leases } from "./leases.ts";
import type { RegistrySettings } from "./registry/index.ts";

/** What every operation on images works with. */
export interface ImageContext {
  readonly layout: DiskLayout;
  readonly content: ContentStore;
  readonly layers: LayerStore;
  readonly images: ImageStore;
  readonly trash: Trash;
  readonly leases: Leases;
  /** Who else needs blobs and layers besides images: the build cache. */
  readonly otherNeeds: Set<() => Iterable<Digest>>;
  readonly users: ImageUsers;
  readonly log: Log;
  readonly registries: RegistrySettings;
  /** Held while images are made or deleted: what is found under it stays. */
  readonly changing: Mutex;
  /** One download or unpacking of a thing at a time. */
  readonly fetching: KeyedMutex;
}
