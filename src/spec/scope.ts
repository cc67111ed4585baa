import type { LoadSwitches } from "./load-options.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Mapping } from "./source-tree.ts";
import type { TextFiles } from "./text-files.ts";
import type { Variables } from "./variables.ts";

/** One project's files being loaded: the main one, or one that is included. */
export interface Scope {
  readonly files: TextFiles;
  readonly problems: ProblemList;
  readonly variables: Variables;
  readonly home: string | undefined;
  readonly skip: LoadSwitches;
  /** What the files that it names are relative to. Absolute. */
  readonly directory: string;
  /** The same as seen from the including project, to which its paths are made relative first. */
  readonly relativeDirectory: string;
  /** The files on the way here, the main one first: none may be included again. */
  readonly including: readonly string[];
}

/** One Compose file of a scope, by its absolute path, or `-`. */
export interface ScopeFile {
  readonly path: string;
  /** How messages call it. */
  readonly name: string;
}

export const EMPTY_RESETS: readonly (readonly string[])[] = [];

/** The `services` of one text, and what its `!reset`s name. */
export interface ServicesOfFile {
  readonly services: Mapping;
  readonly resets: readonly (readonly string[])[];
  readonly file: string;
}
