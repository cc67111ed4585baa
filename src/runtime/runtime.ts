import type { Containers } from "./containers.ts";
import type { EventOptions, Filters, RuntimeEvent } from "./events.ts";
import type { Images } from "./images.ts";
import type { Networks } from "./networks.ts";
import type { Volumes } from "./volumes.ts";

export interface RuntimeInfo {
  /** Stable over restarts, different for each data root. */
  readonly id: string;
  /** `stowage`, or what a Docker-compatible engine says of itself. */
  readonly name: string;
  readonly version: string;
  readonly rootDir: string;
  readonly hostname: string;
  readonly kernelVersion: string;
  readonly operatingSystem: string;
  readonly os: string;
  readonly architecture: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly cgroupVersion: "1" | "2";
  readonly cgroupDriver: string;
  readonly storageDriver: string;
  readonly ociRuntime: string;
  readonly ociRuntimeVersion: string;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
  readonly securityOptions: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly warnings: readonly string[];
}

export interface DiskUsage {
  /** Bytes of all layers, each counted once. */
  readonly layersBytes: number;
  readonly buildCache: readonly {
    readonly id: string;
    /** `regular` (a step's layer), `source.local` (what was kept of a client's folder), `exec.cachemount`. */
    readonly type: string;
    readonly description: string;
    readonly sizeBytes: number;
    readonly isInUse: boolean;
    readonly createdAt: Date;
    readonly lastUsedAt?: Date;
    readonly usageCount: number;
  }[];
}

/**
 * The port: one container engine. Planner and reconciler see engines only through it; every adapter passes
 * `test/runtime/conformance`, and what that suite does not say no caller may rely on.
 *
 * Every rejection is a `RuntimeError`. Whatever waits takes an `AbortSignal` and rejects with kind `cancelled`
 * when it aborts. Nothing is null; absent is `undefined`. Times are the engine's own clock.
 */
export interface ContainerRuntime {
  readonly containers: Containers;
  readonly images: Images;
  readonly networks: Networks;
  readonly volumes: Volumes;
  info(): Promise<RuntimeInfo>;
  diskUsage(): Promise<DiskUsage>;
  /** Frees build cache; `all` also what is still reachable. `filters`: `id` (its beginning), `type`, `description`, `until`. */
  pruneBuildCache(options?: {
    readonly all?: boolean;
    readonly keepBytes?: number;
    readonly filters?: Filters;
  }): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
  /** In order, none missed between the call and the end of the iteration; ends when `signal` aborts. */
  events(options?: EventOptions, signal?: AbortSignal): AsyncIterable<RuntimeEvent>;
  /** Lets go of the engine. Containers go on running. */
  close(): Promise<void>;
}
