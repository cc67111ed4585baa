import { envMap, type WordOptions } from "../../dockerfile/index.ts";
import type { ImageDefaults } from "../../index.ts";
import type { BuildStepRecord, Digest, HistoryEntry, ImageLayer, Platform } from "../images/index.ts";

/** Everything a stage is after a step. */
export interface StageState {
  readonly config: ImageDefaults;
  readonly author?: string;
  readonly hasOwnCmd?: boolean;
  /** ARGs declared since an ENV of the same name; undefined: declared, without a value. */
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

/** Of an ARG and an ENV of the same name the later one wins. */
export function wordsOf(state: StageState, escapeChar: string): WordOptions {
  const env = envMap(state.config.env);
  return { escape: escapeChar, variable: (name) => state.args.get(name) ?? env.get(name) };
}

/** ARGs that a command of this stage sees: those with a value. */
export function visibleArgs({ args }: StageState): readonly string[] {
  return [...args].flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}
