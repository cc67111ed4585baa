import { envMap, type WordOptions } from "../../dockerfile/index.ts";
import type { ImageDefaults } from "../../index.ts";
import type { BuildStepRecord, Digest, HistoryEntry, ImageLayer, Platform } from "../images/index.ts";

/** Everything a stage is after a step. */
export interface StageState {
  readonly config: ImageDefaults;
  readonly author?: string;
  readonly hasOwnCmd?: boolean;
  /** ARGs declared so far; undefined: declared, without a value. */
  readonly args: ReadonlyMap<string, string | undefined>;
  readonly layers: readonly ImageLayer[];
  /** Undefined: no layer yet. */
  readonly chainId: Digest | undefined;
  /** Topmost first. */
  readonly layerDirs: readonly string[];
  readonly history: readonly HistoryEntry[];
  /** Of the steps since the base image. */
  readonly steps: readonly BuildStepRecord[];
  readonly platform: Platform;
  /** The image it began with, if there is one here. */
  readonly baseId?: Digest;
  /** Created time of its newest step. */
  readonly created: string;
}

/** ENV wins over ARG of the same name. */
export function wordsOf(state: StageState, escapeChar: string): WordOptions {
  const env = envMap(state.config.env);
  return { escape: escapeChar, variable: (name) => env.get(name) ?? state.args.get(name) };
}

/** ARGs that a command of this stage sees: those with a value that no ENV hides. */
export function visibleArgs(state: StageState): readonly string[] {
  const env = envMap(state.config.env);
  return [...state.args].flatMap(([name, value]) =>
    value === undefined || env.has(name) ? [] : [`${name}=${value}`],
  );
}
