import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import { CliError, ExitWith } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { isCancelled } from "../follow-stack.ts";
import { interruptSignal } from "../interrupt.ts";
import { projectName } from "../project.ts";
import { askStored } from "../stack-command.ts";
import { stackContainers } from "../stack-containers.ts";

export const wait: CliCommand = {
  usage: "<services...>",
  summary: "Block until containers of the services stop; ends with the last one's exit code",
  declare: (command: Command) =>
    command.option("--down-project", "take the stack down when the first one stops"),
  run: async (context: Context, services: readonly string[], flags: { readonly downProject?: boolean }) => {
    const { name } = await projectName(context);
    const runtime = await context.runtime();
    const found = await stackContainers(runtime, name, { services, all: true });
    if (found.length === 0) throw new CliError(`No containers for stack "${name}"`);
    const interrupt = interruptSignal();
    let code = 0;
    const waiting = found.map(async ({ summary }) => {
      const { exitCode } = await runtime.containers.wait(summary.id, { signal: interrupt.signal });
      context.printLine(`container "${summary.id}" exited with status code ${exitCode}`);
      code = exitCode;
    });
    try {
      if (flags.downProject === true) {
        await Promise.race(waiting);
        await askStored(context, { do: "down" });
      } else await Promise.all(waiting);
    } catch (error) {
      if (isCancelled(error)) throw new ExitWith(EXIT.interrupted);
      throw error;
    }
    return code;
  },
};
