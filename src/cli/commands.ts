import type { CommandEntry } from "./cli-command.ts";

/** Every command, by name; its file is loaded when it is chosen. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  up: entry("Create and start containers", async () => (await import("./commands/up.ts")).up),
  down: entry(
    "Stop and remove containers and networks",
    async () => (await import("./commands/down.ts")).down,
  ),
  plan: entry("Show what `up` would do, and why", async () => (await import("./commands/plan.ts")).plan),
  ps: entry("List containers", async () => (await import("./commands/ps.ts")).ps),
  logs: entry("View output from containers", async () => (await import("./commands/logs.ts")).logs),
  exec: entry("Run a command in a running container", async () => (await import("./commands/exec.ts")).exec),
  run: entry("Run a one-off command on a service", async () => (await import("./commands/run.ts")).run),
  create: entry("Create containers", async () => (await import("./commands/create.ts")).create),
  start: entry("Start services", async () => (await import("./commands/start.ts")).start),
  stop: entry("Stop services", async () => (await import("./commands/stop.ts")).stop),
  restart: entry("Restart services", async () => (await import("./commands/restart.ts")).restart),
  scale: entry("Set the number of replicas", async () => (await import("./commands/scale.ts")).scale),
  kill: entry("Send a signal to containers", async () => (await import("./commands/kill.ts")).kill),
  pause: entry("Pause services", async () => (await import("./commands/pause.ts")).pause),
  unpause: entry("Unpause services", async () => (await import("./commands/pause.ts")).unpause),
  rm: entry("Remove stopped containers", async () => (await import("./commands/rm.ts")).rm),
  pull: entry("Pull images of services", async () => (await import("./commands/pull.ts")).pull),
  push: entry("Push images of services", async () => (await import("./commands/push.ts")).push),
  publish: entry(
    "Publish the Compose files in a registry",
    async () => (await import("./commands/publish.ts")).publish,
  ),
  build: entry("Build images", async () => (await import("./commands/build.ts")).build),
  config: entry(
    "Check the Compose files and print their normal form",
    async () => (await import("./commands/config.ts")).config,
  ),
  explain: entry(
    "Show where a value comes from",
    async () => (await import("./commands/explain.ts")).explain,
  ),
  ls: entry("List stacks", async () => (await import("./commands/ls.ts")).ls),
  images: entry(
    "List images of created containers",
    async () => (await import("./commands/images.ts")).images,
  ),
  volumes: entry("List volumes", async () => (await import("./commands/volumes.ts")).volumes),
  top: entry("Display running processes", async () => (await import("./commands/top.ts")).top),
  stats: entry("Display resource usage", async () => (await import("./commands/stats.ts")).stats),
  port: entry("Print the public port of a port", async () => (await import("./commands/port.ts")).port),
  events: entry("Receive events of containers", async () => (await import("./commands/events.ts")).events),
  wait: entry("Block until containers stop", async () => (await import("./commands/wait.ts")).wait),
  attach: entry(
    "Attach to a service's running container",
    async () => (await import("./commands/attach.ts")).attach,
  ),
  cp: entry(
    "Copy files between a container and this machine",
    async () => (await import("./commands/cp.ts")).cp,
  ),
  watch: entry(
    "Rebuild or refresh services when files change",
    async () => (await import("./commands/watch.ts")).watch,
  ),
  commit: entry(
    "Make an image from a container's changes",
    async () => (await import("./commands/commit.ts")).commit,
  ),
  export: entry(
    "Write a container's files as a tar archive",
    async () => (await import("./commands/export.ts")).exportFiles,
  ),
  image: entry("Manage images", async () => (await import("./commands/image.ts")).image),
  container: entry("Manage containers", async () => (await import("./commands/container.ts")).container),
  volume: entry("Manage volumes", async () => (await import("./commands/volume.ts")).volume),
  network: entry("Manage networks", async () => (await import("./commands/network.ts")).network),
  system: entry(
    "Disk usage, events and clean-up of the engine",
    async () => (await import("./commands/system.ts")).system,
  ),
  login: entry("Log in to a registry", async () => (await import("./commands/login.ts")).login),
  logout: entry("Log out from a registry", async () => (await import("./commands/login.ts")).logout),
  daemon: entry(
    "Run, inspect and stop the background process",
    async () => (await import("./commands/daemon.ts")).daemon,
  ),
  doctor: entry(
    "Check what this machine needs to run stacks",
    async () => (await import("./commands/doctor.ts")).doctor,
  ),
  version: entry("Show versions", async () => (await import("./commands/version.ts")).version),
  completion: entry(
    "Print a shell's completion script",
    async () => (await import("./commands/completion.ts")).completion,
  ),
  __complete: {
    summary: "",
    isHidden: true,
    load: async () => (await import("./commands/complete.ts")).complete,
  },
};

function entry(summary: string, load: CommandEntry["load"]): CommandEntry {
  return { summary, load };
}
