import type { CliGroup } from "../cli-command.ts";

export const container: CliGroup = {
  summary: "Manage containers, whatever stack they are of",
  commands: {
    ls: {
      summary: "List containers",
      aliases: ["list", "ps"],
      load: async () => (await import("./container-ls.ts")).containerLs,
    },
    run: {
      summary: "Create and start a container",
      load: async () => (await import("./container-run.ts")).containerRun,
    },
    create: {
      summary: "Create a container",
      load: async () => (await import("./container-run.ts")).containerCreate,
    },
    start: {
      summary: "Start containers",
      load: async () => (await import("./container-life.ts")).containerStart,
    },
    stop: {
      summary: "Stop containers",
      load: async () => (await import("./container-life.ts")).containerStop,
    },
    restart: {
      summary: "Restart containers",
      load: async () => (await import("./container-life.ts")).containerRestart,
    },
    kill: {
      summary: "Send a signal to containers",
      load: async () => (await import("./container-life.ts")).containerKill,
    },
    pause: {
      summary: "Pause containers",
      load: async () => (await import("./container-life.ts")).containerPause,
    },
    unpause: {
      summary: "Unpause containers",
      load: async () => (await import("./container-life.ts")).containerUnpause,
    },
    update: {
      summary: "Change what containers may use, and their restart policy",
      load: async () => (await import("./container-life.ts")).containerUpdate,
    },
    rm: {
      summary: "Remove containers",
      aliases: ["remove"],
      load: async () => (await import("./container-life.ts")).containerRm,
    },
    rename: {
      summary: "Rename a container",
      load: async () => (await import("./container-life.ts")).containerRename,
    },
    wait: {
      summary: "Block until containers stop; prints their exit codes",
      load: async () => (await import("./container-life.ts")).containerWait,
    },
    prune: {
      summary: "Remove stopped containers",
      load: async () => (await import("./container-life.ts")).containerPrune,
    },
    exec: {
      summary: "Run a command in a running container",
      load: async () => (await import("./container-io.ts")).containerExec,
    },
    attach: {
      summary: "Attach to a running container",
      load: async () => (await import("./container-io.ts")).containerAttach,
    },
    logs: {
      summary: "View a container's output",
      load: async () => (await import("./container-io.ts")).containerLogs,
    },
    cp: {
      summary: "Copy files between a container and this machine",
      load: async () => (await import("./container-io.ts")).containerCp,
    },
    export: {
      summary: "Write a container's files as a tar archive",
      load: async () => (await import("./container-io.ts")).containerExport,
    },
    inspect: {
      summary: "Show containers as JSON",
      load: async () => (await import("./container-look.ts")).containerInspect,
    },
    top: {
      summary: "Display running processes",
      load: async () => (await import("./container-look.ts")).containerTop,
    },
    stats: {
      summary: "Display resource usage",
      load: async () => (await import("./container-look.ts")).containerStats,
    },
    port: {
      summary: "List published ports",
      load: async () => (await import("./container-look.ts")).containerPort,
    },
    diff: {
      summary: "Show files that differ from the image",
      load: async () => (await import("./container-look.ts")).containerDiff,
    },
    commit: {
      summary: "Make an image from a container",
      load: async () => (await import("./container-look.ts")).containerCommit,
    },
  },
};
