import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import type { Command } from "commander";
import { type DaemonPaths, daemonPaths } from "../../daemon/client.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { DAEMON_NODE_FLAGS } from "../start-daemon.ts";

interface Flags {
  readonly print?: boolean;
  readonly path: string;
}

export const daemonInstall: CliCommand = {
  summary: "Write a systemd unit that runs the daemon from boot on, and start it where systemd runs",
  declare: (command: Command) =>
    command
      .option("--print", "print the unit instead of writing it")
      .option("--path <file>", "where to write it", "/etc/systemd/system/stowage.service"),
  run: async (context: Context, _args: readonly string[], flags: Flags) => {
    const { io } = context;
    const unit = unitText(daemonPaths(io.env, io.uid));
    if (flags.print === true) {
      context.print(unit);
      return;
    }
    if (io.uid !== 0) throw new CliError("Cannot write a system unit: it needs root", { hint: "use sudo" });
    await mkdir(dirname(flags.path), { recursive: true });
    await writeFile(flags.path, unit);
    context.note(`Wrote ${flags.path}`);
    // The documented way to tell whether systemd is the init of this machine: sd_booted(3).
    if (!existsSync("/run/systemd/system")) {
      context.note("systemd does not run here: the daemon starts with the first command that needs it");
      return;
    }
    const systemctl = (...args: string[]) => promisify(execFile)("systemctl", args);
    await systemctl("daemon-reload");
    await systemctl("enable", "--now", "stowage.service");
    context.note("Enabled and started stowage.service");
  },
};

/** `KillMode=process` and `Delegate=yes`: containers and their monitors live on when the daemon is restarted. */
function unitText({ rootDir, runDir }: DaemonPaths): string {
  const program = realpathSync(process.argv[1] ?? "stowage");
  return `[Unit]
Description=Stowage, container engine and orchestrator
After=network-online.target local-fs.target nftables.service
Wants=network-online.target

[Service]
Type=notify
NotifyAccess=all
Environment=STOWAGE_ROOT=${rootDir} STOWAGE_RUN=${runDir}
ExecStart=${[process.execPath, ...DAEMON_NODE_FLAGS, program].join(" ")} daemon run
Restart=always
RestartSec=2
TimeoutStartSec=0
TimeoutStopSec=5min
KillMode=process
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}
