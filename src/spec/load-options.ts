import type { Place, Problem } from "./problem.ts";
import type { Stack } from "./stack.ts";

/** All that loading needs from outside: the spec touches no disk, environment or clock of its own. */
export interface LoadOptions {
  /** `-f` in order, `-` for stdin. Empty or absent: COMPOSE_FILE, else the default names are looked for, upwards. */
  readonly files?: readonly string[];
  /** The current directory, absolute. */
  readonly startDirectory: string;
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly envFiles?: readonly string[];
  readonly profiles?: readonly string[];
  /** The names on the command line: their profiles are enabled. */
  readonly services?: readonly string[];
  /** Leave out what `services` neither names nor depends on. */
  readonly onlySelected?: boolean;
  /** The process's environment. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly homeDirectory?: string;
  readonly disk: Disk;
  /** What `config --no-...` switches off. */
  readonly skip?: LoadSwitches;
  /** Keep networks, volumes, configs, secrets and models that no service uses. */
  readonly allResources?: boolean;
}

export interface LoadSwitches {
  readonly interpolation?: boolean;
  readonly normalization?: boolean;
  readonly pathResolution?: boolean;
  readonly consistency?: boolean;
  readonly envResolution?: boolean;
}

/** Reading, as the loader needs it. Paths are absolute, but for `-`, which is stdin. */
export interface Disk {
  /** The file's bytes. Rejects with an error whose `code` is ENOENT, EISDIR, EACCES ... */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** What is there, links followed; undefined for nothing. */
  readonly kindOf: (path: string) => Promise<"file" | "directory" | "other" | undefined>;
  /** The path with all links resolved, or the path itself where there is nothing. */
  readonly realPath: (path: string) => Promise<string>;
  /**
   * Brings the Compose file of a repository (`address#ref:folder`) or of an artifact (`oci://registry/name:tag`) onto
   * the disk, and gives its path. Rejects with the reason.
   */
  readonly fetchRemote?: (address: string) => Promise<string>;
}

export interface LoadResult {
  /** Absent when any problem is an error. */
  readonly stack?: Stack;
  /** Errors and warnings, in the order of the files' text. */
  readonly problems: readonly Problem[];
  /** Where a value of the stack came from, by its keys: `["services", "db", "ports", 0]`; the nearest known parent's otherwise. */
  readonly placeOf: (path: readonly (string | number)[]) => Place | undefined;
  /** The variables that the files could name: the process's, and those of `--env-file` or `.env`. */
  readonly environment: Readonly<Record<string, string>>;
}
