import type { Command } from "commander";
import type { CliCommand } from "../cli-command.ts";
import { CliError, usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";
import { integer } from "../globals.ts";
import { projectName } from "../project.ts";
import { serviceContainer } from "../stack-containers.ts";

interface Flags {
  readonly index?: number;
  readonly protocol: string;
}

export const port: CliCommand = {
  usage: "<service> <private-port>",
  summary: "Print the public port of a published port",
  declare: (command: Command) =>
    command
      .option("--index <number>", "which replica", integer)
      .option("--protocol <protocol>", "tcp or udp", "tcp"),
  run: async (context: Context, [service = "", privatePort = ""]: readonly string[], flags: Flags) => {
    const number = Number(privatePort);
    if (!Number.isInteger(number)) throw usageError(`Invalid port "${privatePort}"`);
    const { name } = await projectName(context);
    const { summary } = await serviceContainer(
      await context.runtime(),
      name,
      service,
      flags.index === undefined ? {} : { index: flags.index },
    );
    const published = summary.ports.filter(({ hostPort }) => hostPort !== undefined);
    const found = published.find(
      ({ containerPort, protocol }) => containerPort === number && protocol === flags.protocol.toLowerCase(),
    );
    if (found === undefined) {
      const others = published
        .map(({ containerPort, protocol }) => `${containerPort}/${protocol}`)
        .join(", ");
      throw new CliError(
        `No port ${number}/${flags.protocol} for container "${summary.name}": it publishes ${others || "none"}`,
      );
    }
    const ip = found.hostIp ?? "0.0.0.0";
    context.printLine(`${ip.includes(":") ? `[${ip}]` : ip}:${found.hostPort}`);
  },
};
