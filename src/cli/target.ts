import { type DaemonPaths, daemonPaths } from "../daemon/daemon-paths.ts";
import { usageError } from "./cli-error.ts";
import type { Globals } from "./globals.ts";
import type { CliIo } from "./io.ts";

/** Where the containers run. */
export type Target =
  /** Our engine: its daemon, started when it is not there. */
  | { readonly kind: "engine"; readonly paths: DaemonPaths }
  /** A Docker-compatible engine: passes are done in process. Absent host: the adapter looks for a socket. */
  | { readonly kind: "docker"; readonly host?: string }
  /** In memory, for this one command: to try things out. */
  | { readonly kind: "memory" };

/**
 * `--runtime` and `--host` decide, then `STOWAGE_RUNTIME`, `STOWAGE_HOST` and `DOCKER_HOST`; else it is our engine.
 * A host that is our own daemon's socket is our engine too.
 */
export function targetOf(globals: Globals, io: CliIo): Target {
  const paths = daemonPaths(io.env, io.uid);
  const runtime = globals.runtime ?? io.env["STOWAGE_RUNTIME"];
  if (runtime === "memory") return { kind: "memory" };
  if (runtime === "engine" && globals.host === undefined) return { kind: "engine", paths };
  if (runtime !== undefined && runtime !== "engine" && runtime !== "docker") {
    throw usageError(`STOWAGE_RUNTIME is "${runtime}": it is engine, docker or memory`);
  }
  const host = globals.host ?? (io.env["STOWAGE_HOST"] || io.env["DOCKER_HOST"] || undefined);
  if (host === `unix://${paths.socketPath}`) return { kind: "engine", paths };
  if (host !== undefined) return { kind: "docker", host };
  return runtime === "docker" ? { kind: "docker" } : { kind: "engine", paths };
}
