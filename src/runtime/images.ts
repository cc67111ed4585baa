import type { Duplex, Readable } from "node:stream";
import type { Lookup } from "../lib/lookup.ts";
import type { Ulimit } from "./containers.ts";
import type { Filters } from "./events.ts";
import type { FolderSource } from "./folder-source.ts";

export interface HealthcheckSpec {
  /** `[]` inherit, `["NONE"]` off, `["CMD", ...]` or `["CMD-SHELL", text]`. */
  readonly test?: readonly string[];
  /** Milliseconds (fractions allowed); 0 or absent inherits from the image, then the default. */
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly startPeriodMs?: number;
  readonly startIntervalMs?: number;
  readonly retries?: number;
}

/** The part of an image's configuration that becomes a container's defaults (OCI image config `config`). */
export interface ImageDefaults {
  readonly user?: string;
  readonly exposedPorts?: readonly string[];
  readonly env?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly volumes?: readonly string[];
  readonly workingDir?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly shell?: readonly string[];
  readonly healthcheck?: HealthcheckSpec;
  readonly onBuild?: readonly string[];
}

export interface ImageSummary {
  /** `sha256:` and the digest of the configuration. */
  readonly id: string;
  /** `name:tag`, familiar form. */
  readonly repoTags: readonly string[];
  /** `name@sha256:...`. */
  readonly repoDigests: readonly string[];
  readonly parentId: string;
  readonly createdAt: Date;
  /** Bytes of the unpacked layers. */
  readonly sizeBytes: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Bytes of its layers that other images have, too; absent when not counted. */
  readonly sharedBytes?: number;
  /** Containers made from it; -1 when not counted. */
  readonly containers: number;
}

export interface ImageInfo extends ImageSummary {
  readonly architecture: string;
  readonly variant?: string;
  readonly os: string;
  readonly author: string;
  readonly comment: string;
  readonly config: ImageDefaults;
  /** Uncompressed layer digests, base first. */
  readonly diffIds: readonly string[];
  readonly lastTaggedAt?: Date;
}

export interface ImageHistoryEntry {
  /** `<missing>` for a layer that is no image here. */
  readonly id: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly sizeBytes: number;
  readonly comment: string;
  readonly tags: readonly string[];
}

/** Progress of pull, push, load, import and build, in the Engine API's wording. */
export interface ImageProgress {
  /** A layer's short id, a tag, or absent for a general line. */
  readonly id?: string;
  /** `Pulling fs layer`, `Downloading`, `Extracting`, `Pull complete`, `Pushed`, ... */
  readonly status: string;
  readonly currentBytes?: number;
  readonly totalBytes?: number;
  /** push: the result. */
  readonly aux?: Readonly<Record<string, unknown>>;
}

export interface RegistryCredentials {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
  readonly serverAddress?: string;
}

export interface PullOptions {
  /** Every tag of the repository, which is named without one; what resolves is the last one's, new if any is. */
  readonly allTags?: boolean;
  /** `os/arch[/variant]`; the machine's own when absent. */
  readonly platform?: string;
  readonly credentials?: RegistryCredentials;
  readonly onProgress?: (progress: ImageProgress) => void;
  readonly signal?: AbortSignal;
}

export interface BuildOptions {
  /** The context: a tar stream (plain or gzip), or a folder of which an engine may have the most from before. */
  readonly context: Readable | FolderSource;
  /** Path in the context; `Dockerfile` when absent. */
  readonly dockerfile?: string;
  /** The Dockerfile's text when it does not come from the context (`-f -`, inline). */
  readonly dockerfileText?: string;
  readonly tags?: readonly string[];
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly platform?: string;
  readonly noCache?: boolean;
  /** Names or numbers of stages that are built without the cache. */
  readonly noCacheStages?: readonly string[];
  readonly pull?: boolean;
  /** Images that carry a cache, as `name` or `type=registry,ref=name`. */
  readonly cacheFrom?: readonly string[];
  /** `type=inline`: the image carries its cache. */
  readonly cacheTo?: readonly string[];
  readonly networkMode?: string;
  readonly extraHosts?: readonly string[];
  readonly shmSizeBytes?: number;
  /** Of what RUN runs. */
  readonly ulimits?: readonly Ulimit[];
  /** By id; never stored in a layer, the cache, the history or a log. */
  readonly secrets?: Lookup<Uint8Array>;
  /** How to reach the SSH agent of that id; undefined: there is none. */
  readonly sshAgent?: (id: string) => Promise<(() => Duplex) | undefined>;
  /** Sockets of SSH agents on the engine's machine, by id. */
  readonly sshSockets?: Readonly<Record<string, string>>;
  /** Further named contexts (`additional_contexts`): files as those of the context, or image references. */
  readonly namedContexts?: Readonly<Record<string, Readable | FolderSource | string>>;
  /** By registry host. */
  readonly credentials?: Lookup<RegistryCredentials>;
  /** Text of the build as the classic builder prints it, without a trailing reading of its own. */
  readonly onOutput?: (text: string, stream: "stdout" | "stderr" | "excerpt") => void;
  /** A step's life, for renderers that draw it. */
  readonly onStep?: (step: BuildStep) => void;
  readonly signal?: AbortSignal;
}

/** What is built: the context, and its Dockerfile. */
export type BuildFiles = Pick<BuildOptions, "context" | "dockerfile" | "dockerfileText">;

export interface BuildStep {
  /** Content digest of the step: stable for the same step of the same build. */
  readonly digest: string;
  /** `[stage 2/7] RUN apt-get update`. */
  readonly name: string;
  readonly inputs: readonly string[];
  readonly startedAt?: Date;
  readonly completedAt?: Date;
  readonly isCached?: boolean;
  readonly error?: string;
  /** Output of the step since the last call. */
  readonly log?: { readonly data: Uint8Array; readonly stream: "stdout" | "stderr" };
}

export interface CommitOptions {
  readonly reference?: string;
  readonly author?: string;
  readonly message?: string;
  /** Dockerfile instructions: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, USER, VOLUME, WORKDIR, ONBUILD, ... */
  readonly changes?: readonly string[];
  /** Default true. */
  readonly pause?: boolean;
}

export interface Images {
  /** `sharedSize`: count `sharedBytes`, where the engine can. */
  list(options?: {
    readonly all?: boolean;
    readonly filters?: Filters;
    readonly sharedSize?: boolean;
  }): Promise<readonly ImageSummary[]>;
  /** By reference, id, or unique id prefix; `not-found` with Docker's text (`No such image: x:latest`). */
  inspect(reference: string): Promise<ImageInfo>;
  history(reference: string): Promise<readonly ImageHistoryEntry[]>;
  /** Fetches and unpacks; every digest verified; nothing visible before all of it is stored. */
  pull(
    reference: string,
    options?: PullOptions,
  ): Promise<{ readonly id: string; readonly digest: string; readonly isNew: boolean }>;
  push(reference: string, options?: Omit<PullOptions, "platform">): Promise<{ readonly digest: string }>;
  tag(source: string, target: string): Promise<void>;
  /**
   * Removes a reference, or the image by id. In the order done. `conflict` while a container uses it
   * (unless `force` and none runs), or an id has several references without `force`.
   */
  remove(
    reference: string,
    options?: { readonly force?: boolean; readonly noPrune?: boolean },
  ): Promise<readonly ({ readonly untagged: string } | { readonly deleted: string })[]>;
  /** A rootfs tar (plain, gzip or zstd) as an image of one layer. */
  import(
    archive: Readable,
    options?: {
      readonly reference?: string;
      readonly message?: string;
      readonly changes?: readonly string[];
      readonly platform?: string;
      readonly signal?: AbortSignal;
    },
  ): Promise<{ readonly id: string }>;
  /** A docker or OCI archive (plain or compressed). */
  load(
    archive: Readable,
    options?: { readonly onProgress?: (progress: ImageProgress) => void; readonly signal?: AbortSignal },
  ): Promise<{ readonly references: readonly string[]; readonly ids: readonly string[] }>;
  /** One tar that is a docker archive and an OCI layout at once. */
  save(references: readonly string[]): Promise<Readable>;
  prune(filters?: Filters): Promise<{
    readonly removed: readonly ({ readonly untagged: string } | { readonly deleted: string })[];
    readonly reclaimedBytes: number;
  }>;
  build(options: BuildOptions): Promise<{ readonly id: string }>;
  /** Builds, and hands over the result's files as a tar instead of making an image of them. */
  buildFiles(options: BuildOptions, take: (files: Readable) => Promise<void>): Promise<void>;
  /** What a registry holds under a reference, without pulling it. */
  resolve(
    reference: string,
    options?: PullOptions,
  ): Promise<{
    readonly mediaType: string;
    readonly digest: string;
    readonly sizeBytes: number;
    readonly platforms: readonly {
      readonly os: string;
      readonly architecture: string;
      readonly variant?: string;
    }[];
  }>;
  search(
    term: string,
    options?: {
      readonly limit?: number;
      readonly filters?: Filters;
      readonly credentials?: RegistryCredentials;
    },
  ): Promise<
    readonly {
      readonly name: string;
      readonly description: string;
      readonly stars: number;
      readonly isOfficial: boolean;
    }[]
  >;
  /** Checks credentials against a registry; `unauthorized`. */
  login(
    credentials: RegistryCredentials,
  ): Promise<{ readonly status: string; readonly identityToken?: string }>;
}
