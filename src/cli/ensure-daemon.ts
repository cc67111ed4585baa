import { connect } from "node:net";
import type { DaemonPaths } from "../daemon/client.ts";
import { CliError } from "./cli-error.ts";
import type { CliIo } from "./io.ts";

/** Resolves once the daemon's socket answers; starts a daemon in the background when none does, and says so. */
export async function ensureDaemon(paths: DaemonPaths, io: CliIo): Promise<void> {
  const state = await probe(paths.socketPath);
  if (state === "answers") return;
  if (state === "denied") {
    throw new CliError(`Cannot reach the daemon: no permission for ${paths.socketPath}`, {
      hint: "run it with sudo, or as a member of the group stowage",
    });
  }
  if (io.uid !== 0) {
    throw new CliError("Cannot start the engine: it needs root", {
      hint: "run it with sudo, or name a Docker-compatible engine with --host or DOCKER_HOST",
    });
  }
  const { startDaemon } = await import("./start-daemon.ts");
  await startDaemon(paths, io);
}

export type SocketState = "answers" | "missing" | "stale" | "denied";

export function probe(socketPath: string): Promise<SocketState> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve("answers");
    });
    socket.on("error", (error: NodeJS.ErrnoException) =>
      resolve(error.code === "ENOENT" ? "missing" : error.code === "EACCES" ? "denied" : "stale"),
    );
  });
}
