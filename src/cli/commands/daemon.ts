import type { CliGroup } from "../cli-command.ts";

export const daemon: CliGroup = {
  summary: "Run, inspect and stop the background process that holds the engine",
  commands: {
    run: {
      summary: "Run the daemon in the foreground",
      load: async () => (await import("./daemon-run.ts")).daemonRun,
    },
    status: {
      summary: "Show the running daemon",
      load: async () => (await import("./daemon-status.ts")).daemonStatus,
    },
    stop: {
      summary: "Stop the daemon; containers go on running",
      load: async () => (await import("./daemon-stop.ts")).daemonStop,
    },
    install: {
      summary: "Write a systemd unit that runs the daemon from boot on",
      load: async () => (await import("./daemon-install.ts")).daemonInstall,
    },
  },
};
