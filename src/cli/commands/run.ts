import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import type { OneOffOptions } from "../../planner/index.ts";
import { createOneOff } from "../../reconciler/index.ts";
import type { LoadResult, Stack } from "../../spec/index.ts";
import { askStack } from "../ask-stack.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError, ExitWith, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { noFlag, repeated } from "../globals.ts";
import { pairs } from "../image-build.ts";
import { parseVolume } from "../parse-mount.ts";
import { parsePort } from "../parse-port.ts";
import { loadProject } from "../project.ts";
import { readNamedFile } from "../read-file.ts";
import { runContainer } from "../run-container.ts";
import { splitCommand } from "../split-command.ts";
import { upRequest } from "../up-request.ts";
import { withOurValues } from "./exec.ts";

interface Flags {
  readonly build?: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly detach?: boolean;
  readonly entrypoint?: string;
  readonly env: readonly string[];
  readonly envFromFile: readonly string[];
  readonly interactive: boolean;
  readonly label: readonly string[];
  readonly name?: string;
  readonly noTTY?: boolean;
  readonly noDeps?: boolean;
  readonly publish: readonly string[];
  readonly pull?: "always" | "missing" | "never";
  readonly quiet?: boolean;
  readonly quietBuild?: boolean;
  readonly quietPull?: boolean;
  readonly removeOrphans?: boolean;
  readonly rm?: boolean;
  readonly servicePorts?: boolean;
  readonly useAliases?: boolean;
  readonly user?: string;
  readonly volume: readonly string[];
  readonly workdir?: string;
}

export const run: CliCommand = {
  usage: "<service> [command] [args...]",
  summary: "Run a one-off command on a service",
  help: "Ends with the command's exit code; 125 when the engine could not run it, 126 or 127 when the command could not be started.",
  hasForeignArguments: true,
  declare: (command: Command) =>
    command
      .option("--build", "build the image first")
      .addOption(repeated("--cap-add <capability>", "add a capability"))
      .addOption(repeated("--cap-drop <capability>", "drop a capability"))
      .option("-d, --detach", "in the background; prints the container's id")
      .option("--entrypoint <command>", "instead of the image's entrypoint")
      .addOption(repeated("-e, --env <key=value>", "set a variable; KEY alone takes ours"))
      .addOption(repeated("--env-from-file <file>", "set variables from a file"))
      .option("-i, --interactive", "keep stdin open", true)
      .addOption(repeated("-l, --label <key=value>", "add a label"))
      .option("--name <name>", "name of the container")
      .addOption(noFlag("-T, --no-TTY", "without a terminal (default: as stdout is)"))
      .addOption(noFlag("--no-deps", "do not start what the service depends on"))
      .addOption(repeated("-p, --publish <port>", "publish a port"))
      .addOption(new Option("--pull <policy>", "when to pull").choices(["always", "missing", "never"]))
      .option("-q, --quiet", "nothing but the command's output")
      .option("--quiet-build", "without the build's output")
      .option("--quiet-pull", "pull without progress")
      .option("--remove-orphans", "remove containers of services that the files do not declare")
      .option("--rm", "remove the container when it has ended")
      .option("-P, --service-ports", "publish the service's ports")
      .option("--use-aliases", "reachable under the service's names")
      .option("-u, --user <user>", "run as this user")
      .addOption(repeated("-v, --volume <source:target>", "mount a folder or volume"))
      .option("-w, --workdir <path>", "run in this folder"),
  run: async (context: Context, [service = "", ...command]: readonly string[], flags: Flags) => {
    const { stack, placeOf } = await loadProject(context, {
      services: [service],
      isQuiet: flags.quiet === true,
    });
    if (stack.services[service] === undefined) throw new CliError(`no such service: ${service}`);
    await prepare(context, { stack, placeOf, service, flags });
    if (context.isDryRun) return 0;
    const runtime = await context.runtime();
    const isDetached = flags.detach === true;
    const isTerminal = context.io.stdout.isTTY === true && context.io.stdin.isTTY === true;
    const tty = !isDetached && flags.noTTY !== true && isTerminal;
    const options = await oneOffOptions(context, command, flags);
    const { name, warnings } = await createOneOff(runtime, stack, {
      ...options,
      service,
      tty: tty || (isDetached && stack.services[service]?.tty === true),
      openStdin: !isDetached && flags.interactive,
    });
    for (const warning of warnings) context.note(`warning: ${warning}`);
    if (isDetached) {
      await runtime.containers.start(name);
      context.printLine((await runtime.containers.inspect(name)).id);
      return 0;
    }
    return runContainer(context, runtime, {
      id: name,
      tty,
      hasStdin: flags.interactive,
      isRemoved: flags.rm === true,
    });
  },
};

/** Images, networks and volumes of the service, and what it depends on. */
async function prepare(
  context: Context,
  {
    stack,
    placeOf,
    service,
    flags,
  }: Pick<LoadResult, "placeOf"> & {
    readonly stack: Stack;
    readonly service: string;
    readonly flags: Flags;
  },
): Promise<void> {
  const request = upRequest(
    [service],
    {
      scale: [],
      ...(flags.build === true && { build: true }),
      ...(flags.pull !== undefined && { pull: flags.pull }),
      ...(flags.removeOrphans === true && { removeOrphans: true }),
      ...(flags.noDeps === true && { noDeps: true }),
    },
    context.io,
  );
  const isQuiet = flags.quiet === true || (flags.quietPull === true && flags.quietBuild === true);
  await askStack(isQuiet ? context.with({ progress: "quiet" }) : context, {
    stackName: stack.name,
    stack,
    placeOf,
    isQuietWhenUnchanged: true,
    request: { ...request, ignoreOrphans: true, prepare: [service] },
  });
}

async function oneOffOptions(
  context: Context,
  command: readonly string[],
  flags: Flags,
): Promise<OneOffOptions> {
  const { io } = context;
  const own = pairs(withOurValues(flags.env, io.env));
  return {
    slug: randomBytes(32).toString("hex"),
    environment: { ...(await variablesOfFiles(context, flags.envFromFile, own)), ...own },
    labels: pairs(flags.label),
    ports: flags.publish.flatMap(parsePort),
    mounts: flags.volume.map((text) => parseVolume(text, io.cwd)),
    capAdd: flags.capAdd,
    capDrop: flags.capDrop,
    ...(command.length > 0 && { command }),
    ...(flags.entrypoint !== undefined && { entrypoint: words(flags.entrypoint) }),
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags.user !== undefined && { user: flags.user }),
    ...(flags.workdir !== undefined && { workingDir: flags.workdir }),
    ...(flags.servicePorts === true && { withServicePorts: true }),
    ...(flags.useAliases === true && { withAliases: true }),
    ...(flags.rm === true && { autoRemove: true }),
  };
}

/** As an `env_file` is read; a value may name what `--env` and an earlier file set. Wrong files end the command. */
async function variablesOfFiles(
  context: Context,
  paths: readonly string[],
  own: Readonly<Record<string, string>>,
): Promise<Readonly<Record<string, string>>> {
  const { io } = context;
  let found: Readonly<Record<string, string>> = {};
  for (const path of paths) {
    const { parseEnvText } = await import("../../spec/index.ts");
    const name = resolve(io.cwd, path);
    const before = { ...found, ...own };
    const { variables, problems } = parseEnvText(
      { name, text: (await readNamedFile(name)).toString("utf8") },
      (key) => before[key],
    );
    if (problems.length > 0) {
      const { renderProblems } = await import("../render/problems.ts");
      io.stderr.write(renderProblems(problems, { isColoured: context.hasColour("stderr"), cwd: io.cwd }));
    }
    if (problems.some(({ severity }) => severity === "error")) throw new ExitWith(EXIT.invalidFiles);
    found = { ...found, ...variables };
  }
  return found;
}

function words(text: string): readonly string[] {
  const split = splitCommand(text);
  if (split === undefined) throw usageError(`Invalid --entrypoint "${text}": a quote is not closed`);
  return split;
}
