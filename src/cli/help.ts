import type { Command } from "commander";
import type { CliGroup, CommandEntry } from "./cli-command.ts";
import { COMMANDS } from "./commands.ts";

/** What `stowage --help` prints. */
export function rootHelp(program: Command): string {
  const options = program.createHelp();
  options.helpWidth = 100;
  const lines = options.visibleOptions(program).map((option) => ({
    term: options.optionTerm(option),
    text: option.description,
  }));
  return [
    "Usage: stowage [options] <command>\n",
    "Bring a declared stack of containers up, hold it there, take it down\n",
    "Commands:",
    ...listed(COMMANDS),
    "\nOptions:",
    ...aligned(lines),
    "\n`stowage <command> --help` tells more about a command.\n",
  ].join("\n");
}

/** What the help of a command made of others prints. */
export function groupHelp(path: readonly string[], group: CliGroup): string {
  return [
    `Usage: ${path.join(" ")} <command>\n`,
    `${group.summary}\n`,
    "Commands:",
    ...listed(group.commands),
    "",
  ].join("\n");
}

function listed(entries: Readonly<Record<string, CommandEntry>>): string[] {
  return aligned(
    Object.entries(entries)
      .filter(([, entry]) => entry.isHidden !== true)
      .map(([term, entry]) => ({ term, text: entry.summary })),
  );
}

function aligned(lines: readonly { readonly term: string; readonly text: string }[]): string[] {
  const width = Math.max(...lines.map(({ term }) => term.length));
  return lines.map(({ term, text }) => `  ${term.padEnd(width)}  ${text}`);
}
