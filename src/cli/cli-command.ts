import type { Command } from "commander";
import type { Context } from "./context.ts";

/** One command: its options, and one call with one rendering. Each lies in a file imported when chosen. */
export interface CliCommand {
  /** As commander writes them: `<service> [command...]`. */
  readonly usage?: string;
  readonly summary: string;
  /** What `--help` says beside the options. */
  readonly help?: string;
  /** Options end at the first argument: the rest belongs to somebody else's command. */
  readonly hasForeignArguments?: boolean;
  readonly declare: (command: Command) => void;
  /** Resolves to the exit code; anything but a number is 0. */
  readonly run: (context: Context, args: readonly string[], flags: never) => Promise<unknown>;
}

/** A command made of others: `daemon status`, `image ls`. */
export interface CliGroup {
  readonly summary: string;
  readonly commands: Readonly<Record<string, CommandEntry>>;
}

export interface CommandEntry {
  readonly summary: string;
  readonly load: () => Promise<CliCommand | CliGroup>;
  readonly aliases?: readonly string[];
  readonly isHidden?: boolean;
}

export function isGroup(command: CliCommand | CliGroup): command is CliGroup {
  return "commands" in command;
}
