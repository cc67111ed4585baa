/** What each exit code of `stowage` means; the table in README is this one. */
export const EXIT = {
  /** Done, or nothing to do. */
  ok: 0,
  /** Asked for and not done: a step failed, the engine refused, a container is unhealthy. */
  failed: 1,
  /** `plan --detailed-exitcode` found changes. */
  changes: 2,
  /** `daemon run`: another daemon has the data root or the run folder. */
  taken: 3,
  /** The Compose files are wrong. */
  invalidFiles: 15,
  /** The command line is wrong. */
  usage: 16,
  /** `run`, `exec`: the engine could not do it. */
  engineFailed: 125,
  /** `run`, `exec`: the command cannot be executed. */
  notExecutable: 126,
  /** `run`, `exec`: there is no such command. */
  commandNotFound: 127,
  /** Interrupted from the terminal. */
  interrupted: 130,
} as const;
