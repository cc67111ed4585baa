import type { Log } from "../lib/log.ts";
import type { CloseOptions, StoreProblem } from "../runtime/engine/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";
import type { DaemonPaths } from "./daemon-paths.ts";
import { readEngineSettings } from "./engine-settings.ts";

export interface OpenRuntimeOptions {
  readonly paths: DaemonPaths;
  readonly log: Log;
  /** Containers in memory: a daemon for tests and trials, which needs no root. */
  readonly isMemory: boolean;
}

/** What a daemon holds: an engine behind the port, and its store's check where it has a store. */
export interface HeldRuntime extends ContainerRuntime {
  checkStore?(): Promise<readonly StoreProblem[]>;
  close(options?: CloseOptions): Promise<void>;
}

/** The engine that a daemon holds. */
export async function openRuntimeForDaemon(options: OpenRuntimeOptions): Promise<HeldRuntime> {
  const { paths, log } = options;
  if (options.isMemory) {
    const { openMemoryRuntime } = await import("../runtime/memory/index.ts");
    return openMemoryRuntime();
  }
  const registries = readEngineSettings(paths.settingsPath);
  const { openEngine } = await import("../runtime/engine/index.ts");
  return openEngine({ rootDir: paths.rootDir, runDir: paths.runDir, log, registries });
}
