import type { Command } from "commander";
import type { ContainerRuntime } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { forEach } from "../for-each.ts";
import { seconds } from "../globals.ts";
import { pruneCommand, tellRemoved } from "../prune.ts";
import { humanSize } from "../render/units.ts";
import { declareResources, type ResourceFlags, resourcesOf, restartOf } from "../resource-flags.ts";
import { runContainer } from "../run-container.ts";

/** A command that does the same to each container named, and prints the names of those it was done to. */
function each<Flags>(
  summary: string,
  declare: (command: Command) => void,
  action: (runtime: ContainerRuntime, name: string, flags: Flags) => Promise<unknown>,
): CliCommand {
  return {
    usage: "<containers...>",
    summary,
    declare,
    run: async (context: Context, names: readonly string[], flags: Flags) => {
      const runtime = await context.runtime();
      return forEach(context, names, async (name) => {
        await action(runtime, name, flags);
        context.printLine(name);
      });
    },
  };
}

interface StopFlags {
  readonly timeout?: number;
  readonly signal?: string;
}

const declareStop = (command: Command) =>
  command
    .option("-t, --timeout <seconds>", "wait so long before killing", seconds)
    .option("-s, --signal <signal>", "signal to send");

const stopOptions = ({ timeout, signal }: StopFlags) => ({
  ...(timeout !== undefined && { timeoutSeconds: timeout }),
  ...(signal !== undefined && { signal }),
});

export const containerStart: CliCommand = {
  usage: "<containers...>",
  summary: "Start containers",
  declare: (command: Command) =>
    command
      .option("-a, --attach", "with our terminal as its output; ends with its exit code")
      .option("-i, --interactive", "with our stdin as its own, too")
      .option("--detach-keys <keys>", "keys that let go of the container (default: ctrl-p,ctrl-q)"),
  run: async (
    context: Context,
    names: readonly string[],
    flags: {
      readonly attach?: boolean;
      readonly interactive?: boolean;
      readonly detachKeys?: string;
    },
  ) => {
    const runtime = await context.runtime();
    const [first] = names;
    if ((flags.attach === true || flags.interactive === true) && first !== undefined) {
      const { spec } = await runtime.containers.inspect(first);
      return runContainer(context, runtime, {
        id: first,
        tty: spec.tty === true,
        hasStdin: flags.interactive === true && spec.openStdin === true,
        isRemoved: spec.autoRemove === true,
        ...(flags.detachKeys !== undefined && { detachKeys: flags.detachKeys }),
      });
    }
    return forEach(context, names, async (name) => {
      await runtime.containers.start(name);
      context.printLine(name);
    });
  },
};

export const containerStop = each<StopFlags>("Stop containers", declareStop, (runtime, name, flags) =>
  runtime.containers.stop(name, stopOptions(flags)),
);

export const containerRestart = each<StopFlags>("Restart containers", declareStop, (runtime, name, flags) =>
  runtime.containers.restart(name, stopOptions(flags)),
);

export const containerKill = each<{ readonly signal: string }>(
  "Send a signal to containers",
  (command) => command.option("-s, --signal <signal>", "signal to send", "SIGKILL"),
  (runtime, name, { signal }) => runtime.containers.kill(name, signal),
);

export const containerPause = each(
  "Pause containers",
  () => {},
  (runtime, name) => runtime.containers.pause(name),
);

export const containerUnpause = each(
  "Unpause containers",
  () => {},
  (runtime, name) => runtime.containers.unpause(name),
);

export const containerRm = each<{
  readonly force?: boolean;
  readonly link?: boolean;
  readonly volumes?: boolean;
}>(
  "Remove containers",
  (command) =>
    command
      .option("-f, --force", "running ones, too")
      .option("-l, --link", "only the legacy link of that name (container/alias)")
      .option("-v, --volumes", "their anonymous volumes, too"),
  (runtime, name, { force, link, volumes }) =>
    link === true
      ? runtime.containers.removeLink(name)
      : runtime.containers.remove(name, { force: force === true, volumes: volumes === true }),
);

export const containerRename: CliCommand = {
  usage: "<container> <name>",
  summary: "Rename a container",
  declare: () => {},
  run: async (context: Context, [container = "", name = ""]: readonly string[]) =>
    (await context.runtime()).containers.rename(container, name),
};

export const containerWait: CliCommand = {
  usage: "<containers...>",
  summary: "Block until containers stop; prints their exit codes",
  declare: () => {},
  run: async (context: Context, names: readonly string[]) => {
    const runtime = await context.runtime();
    return forEach(context, names, async (name) => {
      context.printLine(String((await runtime.containers.wait(name)).exitCode));
    });
  },
};

export const containerPrune = pruneCommand({
  summary: "Remove stopped containers",
  filters: "until, label",
  what: () => "all stopped containers",
  run: async (context, { runtime, filters }) => {
    const { removed, reclaimedBytes } = await runtime.containers.prune(filters);
    tellRemoved(context, "Deleted Containers", removed);
    context.printLine(`Total reclaimed space: ${humanSize(reclaimedBytes)}`);
  },
});

export const containerUpdate: CliCommand = {
  usage: "<containers...>",
  summary: "Change what containers may use, and their restart policy",
  declare: declareResources,
  run: async (context: Context, names: readonly string[], flags: ResourceFlags) => {
    const runtime = await context.runtime();
    return forEach(context, names, async (name) => {
      const { warnings } = await runtime.containers.update(name, {
        resources: resourcesOf(flags),
        ...(flags.restart !== undefined && { restartPolicy: restartOf(flags.restart) }),
      });
      for (const warning of warnings) context.note(`warning: ${warning}`);
      context.printLine(name);
    });
  },
};
