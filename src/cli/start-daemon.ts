import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import type { Readable } from "node:stream";
import type { DaemonPaths } from "../daemon/client.ts";
import { CliError } from "./cli-error.ts";
import { probe } from "./ensure-daemon.ts";
import { EXIT } from "./exit-codes.ts";
import type { CliIo } from "./io.ts";

/** The young generation stays small: 10 MB less for a process that mostly waits, and no slower. */
export const DAEMON_NODE_FLAGS: readonly string[] = ["--max-semi-space-size=1"];

const READY_FD = 3;
const LOG_LIMIT_BYTES = 10 * 1024 * 1024;
const OTHER_STARTS_MS = 60_000;

/** Starts one and waits until it answers. When another is being started at the same time, waits for that one. */
export async function startDaemon(paths: DaemonPaths, io: CliIo): Promise<void> {
  mkdirSync(paths.rootDir, { recursive: true, mode: 0o711 });
  const logFrom = rotateLog(paths.logPath);
  const log = openSync(paths.logPath, "a", 0o600);
  const child = spawn(
    process.execPath,
    [...process.execArgv, ...DAEMON_NODE_FLAGS, process.argv[1] ?? "stowage", "daemon", "run"],
    {
      detached: true,
      cwd: "/",
      stdio: ["ignore", log, log, "pipe"],
      env: {
        ...io.env,
        STOWAGE_ROOT: paths.rootDir,
        STOWAGE_RUN: paths.runDir,
        STOWAGE_READY_FD: String(READY_FD),
      },
    },
  );
  const exited = new Promise<number>((resolve) => {
    child.on("exit", (code) => resolve(code ?? EXIT.failed));
    child.on("error", () => resolve(EXIT.failed));
  });
  const isReady = await saidReady(child.stdio[READY_FD] as Readable);
  if (isReady) {
    child.unref();
    io.stderr.write(
      `stowage: started the daemon in the background (pid ${child.pid}, log ${paths.logPath})\n`,
    );
    return;
  }
  const code = await exited;
  if (code === EXIT.taken && (await answersWithin(paths.socketPath, OTHER_STARTS_MS))) return;
  const said = readFileSync(paths.logPath, "utf8").slice(logFrom).trim();
  throw new CliError(`Cannot start the daemon: it ended with code ${code}`, {
    hint: `${said === "" ? "it said nothing" : `it said:\n${said}`}\n\`stowage doctor\` shows what is missing`,
  });
}

function saidReady(pipe: Readable): Promise<boolean> {
  return new Promise((resolve) => {
    pipe.once("data", () => {
      resolve(true);
      pipe.destroy();
    });
    pipe.once("close", () => resolve(false));
    pipe.once("error", () => resolve(false));
  });
}

async function answersWithin(socketPath: string, ms: number): Promise<boolean> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    if ((await probe(socketPath)) === "answers") return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

/** Sets a long log aside; answers where this start's lines will begin. */
function rotateLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size < LOG_LIMIT_BYTES) return size;
  renameSync(path, `${path}.1`);
  return 0;
}
