import type { Command } from "commander";
import { askStack } from "../ask-stack.ts";
import { attachedUp } from "../attached-up.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { noFlag, repeated } from "../globals.ts";
import { loadProject } from "../project.ts";
import { declareUpFlags, type UpFlags, upRequest } from "../up-request.ts";

export interface AttachFlags {
  readonly detach?: boolean;
  readonly abortOnContainerExit?: boolean;
  readonly abortOnContainerFailure?: boolean;
  readonly exitCodeFrom?: string;
  readonly attach: readonly string[];
  readonly noAttach: readonly string[];
  readonly attachDependencies?: boolean;
  readonly noColor?: boolean;
  readonly noLogPrefix?: boolean;
  readonly timestamps?: boolean;
  readonly watch?: boolean;
  readonly menu?: boolean;
  readonly quietBuild?: boolean;
}

type Flags = UpFlags & AttachFlags;

export const up: CliCommand = {
  usage: "[services...]",
  summary: "Create and start containers; in the foreground unless --detach or --wait",
  help: "In the foreground the first Ctrl-C stops the containers in order, a second one kills them.",
  declare: (command: Command) =>
    declareUpFlags(
      command
        .option("-d, --detach", "run containers in the background")
        .option("--abort-on-container-exit", "stop everything when a container ends")
        .option("--abort-on-container-failure", "stop everything when a container fails")
        .option(
          "--exit-code-from <service>",
          "end with this service's code; implies --abort-on-container-exit",
        )
        .addOption(repeated("--attach <service>", "show output of these services only"))
        .addOption(repeated("--no-attach <service>", "do not show output of this service"))
        .option("--attach-dependencies", "show output of dependencies too")
        .addOption(noFlag("--no-color", "without colours"))
        .addOption(noFlag("--no-log-prefix", "without names before the lines"))
        .option("--timestamps", "with times")
        .option("--quiet-build", "without the build's output")
        .option("-w, --watch", "refresh services when their files change")
        .option("--menu", "accepted for Compose's sake; there is no menu of keys"),
    ),
  run: async (context: Context, services: readonly string[], flags: Flags) => {
    checkAttachFlags(flags);
    const { stack, placeOf } = await loadProject(context, { services });
    if (Object.keys(stack.services).length === 0) throw noService();
    const isAttached = !isDetached(flags) && flags.noStart !== true && !context.isDryRun;
    const request = {
      ...upRequest(services, flags, context.io),
      ...((isAttached || services.length > 0) && { runsFinished: true }),
    };
    const own =
      flags.quietPull === true && flags.quietBuild === true ? context.with({ progress: "quiet" }) : context;
    if (isAttached) return attachedUp(own, { stack, placeOf, request, flags });
    await askStack(own, { stackName: stack.name, stack, placeOf, request });
    return 0;
  },
};

function noService(): CliError {
  return new CliError(
    "No service selected: the files declare none, or all are in profiles that are not enabled",
    {
      hint: "--profile NAME enables one; `stowage down` takes down what runs",
    },
  );
}

function isDetached(flags: Flags): boolean {
  return flags.detach === true || flags.wait === true || flags.waitTimeout !== undefined;
}

/** The combinations that Compose refuses, too. */
function checkAttachFlags(flags: Flags): void {
  const cascades =
    flags.abortOnContainerExit === true ||
    flags.abortOnContainerFailure === true ||
    flags.exitCodeFrom !== undefined;
  const attaches = flags.attach.length > 0 || flags.attachDependencies === true;
  if (flags.wait === true && (cascades || attaches)) {
    throw usageError(
      "--wait cannot be combined with --abort-on-container-exit, --exit-code-from or --attach",
    );
  }
  if (flags.detach === true && (cascades || attaches || flags.watch === true)) {
    throw usageError(
      "--detach cannot be combined with --abort-on-container-exit, --abort-on-container-failure, --exit-code-from, --attach, --attach-dependencies or --watch",
    );
  }
  if (flags.noBuild === true && flags.watch === true)
    throw usageError("--no-build and --watch are incompatible");
  if (flags.abortOnContainerExit === true && flags.abortOnContainerFailure === true) {
    throw usageError("--abort-on-container-exit and --abort-on-container-failure are incompatible");
  }
  if (flags.attach.length > 0 && flags.attachDependencies === true) {
    throw usageError("--attach and --attach-dependencies are incompatible");
  }
}
