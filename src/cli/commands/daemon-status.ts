import type { Command } from "commander";
import { DaemonClient, type DaemonStatus, daemonPaths } from "../../daemon/client.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { probe } from "../ensure-daemon.ts";
import { EXIT } from "../exit-codes.ts";
import { binarySize, humanDuration } from "../render/units.ts";

export const daemonStatus: CliCommand = {
  summary: "Show the running daemon; ends with 1 when there is none",
  declare: (command: Command) =>
    command.option("--json", "print JSON").option("--format <format>", "table or json"),
  run: async (
    context: Context,
    _args: readonly string[],
    flags: { readonly json?: boolean; readonly format?: string },
  ) => {
    const paths = daemonPaths(context.io.env, context.io.uid);
    const state = await probe(paths.socketPath);
    const isJson = flags.json === true || flags.format === "json";
    if (state !== "answers") {
      if (isJson) context.printLine(JSON.stringify({ running: false, socket: paths.socketPath, state }));
      else context.note(`${WHY[state]} (${paths.socketPath})`);
      return EXIT.failed;
    }
    const status = await new DaemonClient(paths.socketPath).status();
    context.print(
      isJson ? `${JSON.stringify({ running: true, ...status }, undefined, 2)}\n` : render(status),
    );
    return EXIT.ok;
  },
};

const WHY = {
  missing: "The daemon is not running",
  stale: "The daemon is not running: its socket is a leftover that nobody answers",
  denied: "Cannot tell: no permission for the daemon's socket",
} as const;

function render(status: DaemonStatus): string {
  const { containers, engine } = status;
  const rows = [
    ["pid", String(status.pid)],
    ["version", status.version],
    ["engine", `${engine.name} ${engine.version}, ${engine.ociRuntime}`],
    ["root", status.rootDir],
    ["socket", status.socket],
    ["up for", humanDuration(Date.now() - Date.parse(status.startedAt)).toLowerCase()],
    ["memory", binarySize(status.memoryBytes)],
    [
      "containers",
      `${containers.running} running, ${containers.paused} paused, ${containers.stopped} stopped`,
    ],
    ...status.stacks.map(({ name, revision, state, problem }) => [
      `stack ${name}`,
      problem ?? `${state}, revision ${revision}`,
    ]),
  ];
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  return rows.map(([name = "", value = ""]) => `${name.padEnd(width)}  ${value}\n`).join("");
}
