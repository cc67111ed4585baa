import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Command, Option } from "commander";
import type { Build, Stack } from "../../spec/index.ts";
import { askStack } from "../ask-stack.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import type { Globals } from "../globals.ts";
import { declareImageBuild, type ImageBuildFlags, runImageBuild } from "../image-build.ts";
import { loadProject } from "../project.ts";
import { sshKeys } from "../ssh-agents.ts";
import { withOurValues } from "./exec.ts";

interface Flags extends ImageBuildFlags {
  readonly push?: boolean;
  readonly withDependencies?: boolean;
  readonly print?: boolean;
  readonly progress?: Globals["progress"];
  readonly builder?: string;
  readonly memory?: string;
  readonly provenance?: string;
  readonly sbom?: string;
}

export const build: CliCommand = {
  usage: "[services-or-path...]",
  summary: "Build images of services; with a path (or --tag), the image of a Dockerfile",
  help: "`stowage build` and `stowage build web` build what the Compose files say; `stowage build -t app .` builds a folder's Dockerfile.",
  declare: (command: Command) =>
    declareImageBuild(command)
      .option("--push", "push the images afterwards")
      .option("--with-dependencies", "images of services that they depend on too")
      .option("--print", "not supported")
      .addOption(new Option("--progress <type>", "as the option before the command").hideHelp())
      .option("--builder <name>", "accepted for Compose's sake")
      .option("-m, --memory <bytes>", "accepted for Compose's sake")
      .option("--provenance <value>", "accepted for Compose's sake")
      .option("--sbom <value>", "accepted for Compose's sake"),
  run: async (context: Context, args: readonly string[], flags: Flags) => {
    const [path] = args;
    const isOfDockerfile = flags.tag.length > 0 || flags.file !== undefined || flags.output !== undefined;
    if (isOfDockerfile || (path !== undefined && isPath(context, path))) {
      if (args.length !== 1) throw usageError("A build of a Dockerfile takes one path, or - for stdin");
      return runImageBuild(context, path ?? ".", flags);
    }
    refuseLooks(flags);
    const { stack, placeOf } = await loadProject(context, { services: args });
    const progress = flags.quiet === true ? "quiet" : flags.progress;
    const own = progress === undefined ? context : context.with({ progress });
    await askStack(own, {
      stackName: stack.name,
      stack: withBuildFlags(stack, flags, context),
      placeOf,
      request: {
        do: "build",
        services: args,
        ...(flags.withDependencies === true && { withDependencies: true }),
      },
    });
    if (flags.push !== true) return 0;
    const { push } = await import("./push.ts");
    return push.run(context, args, { quiet: flags.quiet } as never);
  },
};

/** They build nothing in Compose, so they must not build here. */
function refuseLooks({ check, print }: Flags): void {
  if (check === true)
    throw new CliError("Cannot check the builds of services: --check takes a folder", {
      hint: "`stowage build --check ./folder`; `stowage build --dry-run` shows what would be built",
    });
  if (print === true)
    throw new CliError("Cannot print a bake file: --print is not supported", {
      hint: "`stowage config` prints what each service is built from",
    });
}

function isPath(context: Context, word: string): boolean {
  if (word === "-" || word === "." || word.includes("/") || word.includes("://")) return true;
  return existsSync(join(resolve(context.io.cwd, word), "Dockerfile"));
}

/** The options as if the files had said so. */
function withBuildFlags(stack: Stack, flags: Flags, context: Context): Stack {
  const args = Object.fromEntries(
    withOurValues(flags.buildArg, context.io.env).map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
  const change = (build: Build): Build => ({
    ...build,
    ...(Object.keys(args).length > 0 && { args: { ...build.args, ...args } }),
    ...(flags.noCache === true && { no_cache: true }),
    ...(flags.pull === true && { pull: true }),
    ...(flags.ssh.length > 0 && { ssh: sshKeys(flags.ssh, context) }),
  });
  return {
    ...stack,
    services: Object.fromEntries(
      Object.entries(stack.services).map(([name, service]) => [
        name,
        service.build === undefined ? service : { ...service, build: change(service.build) },
      ]),
    ),
  };
}
