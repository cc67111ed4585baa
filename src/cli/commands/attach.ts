import type { Command } from "commander";
import type { ContainerRuntime } from "../../runtime/index.ts";
import type { CliCommand } from "../cli-command.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { integer, noFlag } from "../globals.ts";
import { projectName } from "../project.ts";
import { proxySignals } from "../proxy-signals.ts";
import { serviceContainer } from "../stack-containers.ts";
import { pumpTerminal } from "../terminal-session.ts";

interface Flags {
  readonly detachKeys?: string;
  readonly index?: number;
  readonly noStdin?: boolean;
  readonly sigProxy: boolean;
}

export const attach: CliCommand = {
  usage: "<service>",
  summary: "Attach to the standard streams of a service's running container",
  declare: (command: Command) =>
    command
      .option("--detach-keys <keys>", "keys that let go of the container (default: ctrl-p,ctrl-q)")
      .option("--index <number>", "which replica", integer)
      .addOption(noFlag("--no-stdin", "do not attach stdin"))
      .option("--sig-proxy", "pass signals on to the process", true),
  run: async (context: Context, [service = ""]: readonly string[], flags: Flags) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const container = await serviceContainer(
      runtime,
      name,
      service,
      flags.index === undefined ? {} : { index: flags.index },
    );
    return attachTo(context, runtime, container.summary.id, flags);
  },
};

/** Our terminal as the container's until it ends or is let go of; resolves to its exit code. */
export async function attachTo(
  context: Context,
  runtime: ContainerRuntime,
  containerId: string,
  flags: Omit<Flags, "index">,
): Promise<number> {
  const { spec } = await runtime.containers.inspect(containerId);
  const tty = spec.tty === true;
  const hasStdin = flags.noStdin !== true && spec.openStdin === true;
  const session = await runtime.containers.attach(containerId, {
    stdin: hasStdin,
    stdout: true,
    stderr: true,
  });
  const release = flags.sigProxy && !tty ? proxySignals(runtime, containerId) : () => {};
  try {
    const end = await pumpTerminal(context, {
      session,
      hasStdin,
      tty,
      detachKeys: flags.detachKeys ?? "ctrl-p,ctrl-q",
    });
    if (end === "detached") return EXIT.ok;
    return (await runtime.containers.wait(containerId)).exitCode;
  } finally {
    release();
  }
}
