import type { Command } from "commander";
import packageJson from "../../../package.json" with { type: "json" };
import type { CliCommand } from "../cli-command.ts";
import { usageError } from "../cli-error.ts";
import type { Context } from "../context.ts";

interface Flags {
  readonly format?: string;
  readonly short?: boolean;
}

export const version: CliCommand = {
  summary: "Show the version",
  declare: (command: Command) =>
    command.option("-f, --format <format>", "pretty or json").option("--short", "only the number"),
  run: async (context: Context, _args: readonly string[], { format = "pretty", short }: Flags) => {
    if (short === true) context.printLine(packageJson.version);
    else if (format === "json") context.printLine(JSON.stringify({ version: packageJson.version }));
    else if (format === "pretty") context.printLine(`Stowage version ${packageJson.version}`);
    else throw usageError(`Unknown format "${format}": it is pretty or json`);
  },
};
