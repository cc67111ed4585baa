import type { Command } from "commander";
import type { ContainerRuntime, ExecSpec } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import { CliError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { integer, noFlag, repeated } from "../globals.ts";
import { projectName } from "../project.ts";
import { serviceContainer } from "../stack-containers.ts";
import { pumpTerminal } from "../terminal-session.ts";

interface Flags {
  readonly detach?: boolean;
  readonly env: readonly string[];
  readonly index?: number;
  readonly noTty?: boolean;
  readonly interactive?: boolean;
  readonly tty?: boolean;
  readonly privileged?: boolean;
  readonly user?: string;
  readonly workdir?: string;
}

export const exec: CliCommand = {
  usage: "<service> <command> [args...]",
  summary: "Run a command in a running container of a service",
  hasForeignArguments: true,
  declare: (command: Command) =>
    command
      .option("-d, --detach", "in the background")
      .addOption(repeated("-e, --env <key=value>", "set a variable; KEY alone takes ours"))
      .option("--index <number>", "which replica", integer)
      .addOption(noFlag("-T, --no-tty", "without a terminal (default: as stdout is)"))
      .option("-i, --interactive", "keep stdin open", true)
      .option("-t, --tty", "with a terminal")
      .option("--privileged", "with all capabilities")
      .option("-u, --user <user>", "run as this user")
      .option("-w, --workdir <path>", "run in this folder"),
  run: async (context: Context, [service = "", ...command]: readonly string[], flags: Flags) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const container = await serviceContainer(
      runtime,
      name,
      service,
      flags.index === undefined ? {} : { index: flags.index },
    );
    return execIn(context, runtime, container.summary.id, { ...flags, command });
  },
};

export interface ExecRequest extends Omit<Flags, "index"> {
  readonly command: readonly string[];
  readonly detachKeys?: string;
}

/** Runs a command in a container, our terminal as its; resolves to its exit code. */
export async function execIn(
  context: Context,
  runtime: ContainerRuntime,
  containerId: string,
  request: ExecRequest,
): Promise<number> {
  const { io } = context;
  const isDetached = request.detach === true;
  const tty = !isDetached && request.noTty !== true && (request.tty === true || io.stdout.isTTY === true);
  const hasStdin = !isDetached && request.interactive !== false;
  if (tty && hasStdin && io.stdin.isTTY !== true) {
    throw new CliError("the input device is not a TTY", { hint: "use -T" });
  }
  const { rows, columns } = io.stdout;
  const size = rows === undefined || columns === undefined ? {} : { consoleSize: { rows, columns } };
  const spec: ExecSpec = {
    command: request.command,
    tty,
    attachStdin: hasStdin,
    attachStdout: !isDetached,
    attachStderr: !isDetached,
    ...(request.env.length > 0 && { env: withOurValues(request.env, io.env) }),
    ...(request.user !== undefined && { user: request.user }),
    ...(request.workdir !== undefined && { workingDir: request.workdir }),
    ...(request.privileged === true && { privileged: true }),
    ...(tty && size),
  };
  const execId = await runtime.containers.createExec(containerId, spec);
  const session = await runtime.containers.startExec(execId, { detach: isDetached, tty, ...(tty && size) });
  if (session === undefined) return EXIT.ok;
  const end = await pumpTerminal(context, {
    session,
    hasStdin,
    tty,
    ...(tty && { detachKeys: request.detachKeys ?? "ctrl-p,ctrl-q" }),
  });
  if (end === "detached") return EXIT.ok;
  const { exitCode } = await runtime.containers.inspectExec(execId);
  return exitCode ?? EXIT.ok;
}

/** `KEY` alone takes its value from our environment; a variable that we do not have is left out. */
export function withOurValues(
  pairs: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  return pairs.flatMap((pair) => {
    if (pair.includes("=")) return [pair];
    const value = env[pair];
    return value === undefined ? [] : [`${pair}=${value}`];
  });
}
