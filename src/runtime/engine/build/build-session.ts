import type PQueue from "p-queue";
import type { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import type { Log } from "../../../lib/log.ts";
import type { Instruction, Stage, StagedDockerfile } from "../../dockerfile/index.ts";
import type { BuildOptions } from "../../index.ts";
import type { RunOnceRequest } from "../containers/index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { Lease, OpenedImages, Platform } from "../images/index.ts";
import type { Trash } from "../rootfs/index.ts";
import type { BuildCache, CacheEntry } from "./build-cache.ts";
import type { BuildOutput } from "./build-output.ts";
import type { CacheMounts } from "./cache-mounts.ts";
import type { KeptFolders } from "./kept-folders.ts";
import type { StageState } from "./stage-state.ts";
import type { TreeSource } from "./tree-job.ts";
import type { Trees, TreeThreads } from "./trees.ts";

/** Runs one command in a root file system that is mounted already; resolves to its exit code. */
export type RunStep = (request: RunOnceRequest) => Promise<number>;

/** What all builds of an engine share. */
export interface BuilderContext {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly images: OpenedImages;
  readonly trash: Trash;
  readonly cache: BuildCache;
  readonly run: RunStep;
  readonly treeThreads: TreeThreads;
  readonly keptFolders: KeptFolders;
  /** Steps by their first key: one build at a time. */
  readonly steps: KeyedMutex;
  /** Commands that run at once. */
  readonly commands: PQueue;
  readonly cacheMounts: CacheMounts;
  readonly log: Log;
}

/** Files to copy or mount from: the context, a stage, an image, a named context. */
export interface BuildSource extends TreeSource {
  /** Changes whenever a file changes; absent where only reading tells. */
  readonly identity?: string;
  /** Digests of selections of its files, as far as they are known. */
  readonly digests?: Map<string, string>;
  /** Its owners mean something in the image too. */
  readonly keepsOwner: boolean;
}

/** One build. */
export interface BuildSession {
  readonly builder: BuilderContext;
  readonly options: BuildOptions;
  readonly file: StagedDockerfile;
  readonly target: Stage;
  readonly platform: Platform;
  readonly globalArgs: ReadonlyMap<string, string>;
  /** What everything is said to be of, where the build names a time. */
  readonly sourceDate: string | undefined;
  readonly context: BuildSource;
  readonly trees: Trees;
  readonly output: BuildOutput;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** The finished stage; begun when it is first asked for. */
  stage(stage: Stage): Promise<StageState>;
  /** `--from`: an earlier stage, a named context, or an image. */
  source(reference: string, asking: Stage): Promise<BuildSource>;
  /** Steps from images of `--cache-from`, by key. */
  imported(): Promise<ReadonlyMap<string, CacheEntry>>;
  /** The state a FROM begins with. */
  base(stage: Stage): Promise<StageState>;
}

/** One instruction about to be carried out. */
export interface Step {
  readonly session: BuildSession;
  readonly stage: Stage;
  readonly instruction: Instruction;
  readonly state: StageState;
  readonly print: (text: string, stream?: "stdout" | "stderr") => void;
  readonly printBytes: (data: Uint8Array, stream: "stdout" | "stderr") => void;
  /** Whether a step of this stage had to be carried out already: what follows is not looked up any more. */
  readonly isBehindMiss: boolean;
}
