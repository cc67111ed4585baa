import { execFile } from "node:child_process";
import { writeSync } from "node:fs";
import { promisify } from "node:util";
import type { Environment } from "./daemon-paths.ts";

/** A daemon started by the CLI finds here the number of the descriptor to say `ready` on. */
export const READY_FD = "STOWAGE_READY_FD";

/** Tells whoever started us that the socket answers: the CLI on its descriptor, systemd through its own tool. */
export async function announceReady(env: Environment): Promise<void> {
  const fd = Number(env[READY_FD] ?? "");
  if (fd > 2) writeSync(fd, "ready\n");
  if (env["NOTIFY_SOCKET"] === undefined) return;
  await promisify(execFile)("systemd-notify", ["--ready", `--pid=${process.pid}`]).catch(() => {});
}
