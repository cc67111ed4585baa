import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { Command } from "commander";
import packageJson from "../../../package.json" with { type: "json" };
import {
  announceReady,
  daemonPaths,
  localEdge,
  openRuntimeForDaemon,
  runDaemon,
} from "../../daemon/index.ts";
import { jsonLog, type LogLevel, textLog } from "../../lib/log.ts";
import { hasKind } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { messageOf } from "../render/error.ts";

interface Flags {
  readonly logFormat: string;
  readonly logLevel: LogLevel;
  readonly tcp?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly allowInsecureTcp?: boolean;
}

export const daemonRun: CliCommand = {
  summary: "Run the daemon in the foreground: the engine, its API and the stacks it holds",
  help: [
    "SIGTERM and SIGINT end it in order. Containers go on running; the next start finds them again. When systemd",
    "shuts the machine down they are stopped, each with its grace, and come back as their restart policies say.",
  ].join(" "),
  declare: (command: Command) =>
    command
      .option("--tcp <host:port>", "serve the API on TCP, too; clients show a certificate of --tlscacert")
      .option("--tlscacert <file>", "certificates of those who may sign clients' certificates")
      .option("--tlscert <file>", "our certificate")
      .option("--tlskey <file>", "its key")
      .option(
        "--allow-insecure-tcp",
        "off the loopback without certificates: whoever reaches it is root here",
      )
      .option("--log-format <format>", "text or json", "text")
      .option("--log-level <level>", "error, warn, info or debug", "info"),
  run: async (context: Context, _args: readonly string[], flags: Flags) => {
    const { io, globals } = context;
    const paths = daemonPaths(io.env, io.uid);
    const isMemory = globals.runtime === "memory";
    if (io.uid !== 0 && !isMemory)
      throw new CliError("Cannot run the engine: it needs root", { hint: "use sudo" });
    const write = (line: string) => void io.stderr.write(line);
    const log = flags.logFormat === "json" ? jsonLog(write, flags.logLevel) : textLog(write, flags.logLevel);
    const end = new AbortController();
    for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => end.abort());
    // A terminal that goes away, and readers of our log that do, must not take the daemon with them.
    process.on("SIGHUP", () => {});
    process.on("unhandledRejection", (error) =>
      log.error("Unhandled rejection", { error: messageOf(error) }),
    );
    try {
      await runDaemon({
        paths,
        version: packageJson.version,
        log,
        signal: end.signal,
        edge: localEdge(io.env),
        openRuntime: () => openRuntimeForDaemon({ paths, log, isMemory }),
        onReady: () => announceReady(io.env),
        isMachineEnding,
        ...(flags.tcp !== undefined && { tcp: await tcpOptions(flags.tcp, flags) }),
      });
      return EXIT.ok;
    } catch (error) {
      if (hasKind(error, "conflict")) throw new CliError(messageOf(error), { exitCode: EXIT.taken });
      throw error;
    }
  },
};

/** systemd waits a minute and a half for processes that do not heed SIGTERM, which a container's first one seldom does. */
async function isMachineEnding(): Promise<boolean> {
  if (!existsSync("/run/systemd/system")) return false;
  // Any state but `running` is an exit code that is not 0.
  const state = await promisify(execFile)("systemctl", ["is-system-running"]).catch((error) => error);
  return typeof state.stdout === "string" && state.stdout.trim() === "stopping";
}

async function tcpOptions(address: string, flags: Flags) {
  const match = /^(?:tcp:\/\/)?(.*):(\d+)$/.exec(address);
  if (match?.[1] === undefined) throw usageError(`Invalid address "${address}": it is HOST:PORT`);
  const files = [flags.tlscacert, flags.tlscert, flags.tlskey].filter((file) => file !== undefined);
  if (files.length !== 0 && files.length !== 3)
    throw usageError("--tlscacert, --tlscert and --tlskey go together");
  const [ca, cert, key] = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return {
    host: match[1].replace(/^\[|\]$/g, ""),
    port: Number(match[2]),
    ...(ca !== undefined && cert !== undefined && key !== undefined && { tls: { ca, cert, key } }),
    ...(flags.allowInsecureTcp === true && { allowInsecure: true }),
  };
}
