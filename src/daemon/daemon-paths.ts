import { join, resolve } from "node:path";

/** Where a daemon keeps its state and where one reaches it. */
export interface DaemonPaths {
  /** State that survives a reboot: `$STOWAGE_ROOT`. */
  readonly rootDir: string;
  /** Sockets, locks and mounts: `$STOWAGE_RUN`. */
  readonly runDir: string;
  readonly socketPath: string;
  /** What a daemon started in the background writes. */
  readonly logPath: string;
  /** Held by the one daemon of this data root. */
  readonly rootLockPath: string;
  /** Held by the one daemon that serves from this run folder. */
  readonly runLockPath: string;
  readonly stacksDir: string;
  /** The engine's settings, with keys of Docker's daemon.json; it need not exist. */
  readonly settingsPath: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** The daemon's paths from the environment; root's defaults differ from an ordinary user's (DESIGN section 5). */
export function daemonPaths(env: Environment, uid: number): DaemonPaths {
  const rootDir = resolve(env["STOWAGE_ROOT"] || defaultRoot(env, uid));
  const runDir = resolve(env["STOWAGE_RUN"] || defaultRun(env, uid));
  return {
    rootDir,
    runDir,
    socketPath: join(runDir, "stowage.sock"),
    logPath: join(rootDir, "daemon.log"),
    rootLockPath: join(rootDir, "daemon.lock"),
    runLockPath: join(runDir, "daemon.lock"),
    stacksDir: join(rootDir, "stacks"),
    settingsPath: settingsPath(env),
  };
}

/** The engine's settings, the same for every user. */
export function settingsPath(env: Environment): string {
  return resolve(env["STOWAGE_SETTINGS"] || "/etc/stowage/daemon.json");
}

function defaultRoot(env: Environment, uid: number): string {
  if (uid === 0) return "/var/lib/stowage";
  return join(env["XDG_DATA_HOME"] || join(env["HOME"] || "/", ".local/share"), "stowage");
}

/** Never a folder that another user may have made first: whoever serves the socket is told all of a stack. */
function defaultRun(env: Environment, uid: number): string {
  if (uid === 0) return "/run/stowage";
  const runtimeDir = env["XDG_RUNTIME_DIR"];
  return runtimeDir ? join(runtimeDir, "stowage") : join(defaultRoot(env, uid), "run");
}
