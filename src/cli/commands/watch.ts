import { spawn } from "node:child_process";
import { mkdtempSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { LABEL } from "../../planner/index.ts";
import type { Stack } from "../../spec/index.ts";
import { askStack } from "../ask-stack.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, ExitWith } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { noFlag } from "../globals.ts";
import { interruptSignal } from "../interrupt.ts";
import { loadProject } from "../project.ts";
import { stackContainers } from "../stack-containers.ts";
import { watchedServices, watchStack } from "../watch/watch-stack.ts";

interface Flags {
  readonly noUp?: boolean;
  readonly prune: boolean;
  readonly quiet?: boolean;
  readonly detach?: boolean;
}

export const watch: CliCommand = {
  usage: "[services...]",
  summary: "Refresh services when their files change, as `develop.watch` says",
  declare: (command: Command) =>
    command
      .addOption(noFlag("--no-up", "do not build and start services first"))
      .option("--prune", "remove images without a name after a rebuild", true)
      .option("--quiet", "without the build's output")
      .option("-d, --detach", "go on in the background until the stack is gone"),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    const { stack } = await loadProject(context, { services });
    const watched = watchedServices(stack, services);
    if (watched.length === 0) {
      throw new CliError("Nothing to watch: no service has a `develop.watch` section");
    }
    if (flags.noUp !== true) {
      const own = flags.quiet === true ? context.with({ progress: "quiet" }) : context;
      await askStack(own, {
        stackName: stack.name,
        stack,
        request: { do: "up", services: services.length === 0 ? [] : services, build: "always" },
      });
    }
    if (flags.detach === true) return detach(context, stack, services);
    const interrupt = interruptSignal();
    const gone = endWithStack(context, stack.name, interrupt.signal);
    await watchStack(context, {
      stack,
      services,
      prune: flags.prune,
      onReady: () => context.note(`Watch enabled for ${watched.join(", ")}`),
      signal: AbortSignal.any([interrupt.signal, gone]),
    });
    if (interrupt.signal.aborted) throw new ExitWith(EXIT.interrupted);
  },
};

/** Aborts when the stack's last container has been removed: there is nothing to refresh any more. */
function endWithStack(context: Context, stackName: string, signal: AbortSignal): AbortSignal {
  const gone = new AbortController();
  const follow = async () => {
    const runtime = await context.runtime();
    const filters = { type: ["container"], event: ["destroy"], label: [`${LABEL.project}=${stackName}`] };
    for await (const _event of runtime.events({ filters }, signal)) {
      if ((await stackContainers(runtime, stackName, { all: true })).length === 0) gone.abort();
    }
  };
  follow().catch(() => {});
  return gone.signal;
}

function detach(context: Context, stack: Stack, services: readonly string[]): void {
  const { io, globals, target } = context;
  // Beside our daemon's, else in a folder of its own: a name that others can tell could be a link of theirs.
  const folder =
    target.kind === "engine"
      ? target.paths.runDir
      : mkdtempSync(join(io.env["TMPDIR"] ?? "/tmp", "stowage-watch-"));
  const logPath = join(folder, `watch-${stack.name}.log`);
  const log = openSync(logPath, "a", 0o600);
  const options = [
    ...globals.file.flatMap((file) => ["-f", file]),
    ...globals.envFile.flatMap((file) => ["--env-file", file]),
    ...globals.profile.flatMap((profile) => ["--profile", profile]),
    ...(globals.projectDirectory === undefined ? [] : ["--project-directory", globals.projectDirectory]),
    ...(globals.host === undefined ? [] : ["--host", globals.host]),
    ...(globals.runtime === undefined ? [] : ["--runtime", globals.runtime]),
    "-p",
    stack.name,
  ];
  const program = process.argv[1] ?? "stowage";
  const child = spawn(process.execPath, [program, ...options, "watch", "--no-up", ...services], {
    detached: true,
    cwd: io.cwd,
    stdio: ["ignore", log, log],
    env: io.env as NodeJS.ProcessEnv,
  });
  child.unref();
  context.note(`Watching in the background (pid ${child.pid}, log ${logPath})`);
}
