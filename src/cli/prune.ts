import type { Command } from "commander";
import type { ContainerRuntime, Filters } from "../runtime/index.ts";
import type { CliCommand } from "./cli-command.ts";
import type { Context } from "./context.ts";
import { parseFilters } from "./filters.ts";
import { repeated } from "./globals.ts";
import { confirm } from "./prompt.ts";

export interface PruneFlags {
  readonly all?: boolean;
  readonly filter: readonly string[];
  readonly force?: boolean;
}

export interface Prune<Flags extends PruneFlags> {
  readonly summary: string;
  /** Keys that its filters may have. */
  readonly filters: string;
  /** Options besides those that every prune has. */
  readonly declare?: (command: Command) => Command;
  /** What is removed, for the question. */
  readonly what: (flags: Flags) => string;
  /** Throws a usage error for what does not go together, before the question. */
  readonly check?: (flags: Flags, filters: Filters) => void;
  readonly run: (
    context: Context,
    options: { readonly runtime: ContainerRuntime; readonly filters: Filters; readonly flags: Flags },
  ) => Promise<void>;
}

/** A command that removes what nobody needs, after asking. */
export function pruneCommand<Flags extends PruneFlags>({
  summary,
  filters: keys,
  declare = (command) => command,
  what,
  check,
  run,
}: Prune<Flags>): CliCommand {
  return {
    summary,
    declare: (command: Command) =>
      declare(command)
        .addOption(repeated("--filter <key=value>", `only these: ${keys}`))
        .option("-f, --force", "do not ask"),
    run: async (context: Context, _args: readonly string[], flags: Flags) => {
      const filters = parseFilters(flags.filter);
      check?.(flags, filters);
      const question = `This removes ${what(flags)}. Continue?`;
      if (flags.force !== true && !(await confirm(context, question))) return;
      await run(context, {
        runtime: await context.runtime(),
        filters,
        flags,
      });
    },
  };
}

/** The names of what has gone. */
export function tellRemoved(context: Context, heading: string, names: readonly string[]): void {
  if (names.length > 0) context.printLine(`${heading}:`);
  for (const name of names) context.printLine(name);
}
