import { Command, type Option } from "commander";
import { type CliCommand, type CommandEntry, isGroup } from "../cli-command.ts";
import { COMMANDS } from "../commands.ts";
import type { Context } from "../context.ts";
import { declareGlobals, type Globals } from "../globals.ts";

/** What the word under the cursor can become; the completion scripts ask. Never fails, never starts a daemon. */
export const complete: CliCommand = {
  usage: "[words...]",
  summary: "",
  hasForeignArguments: true,
  declare: (command: Command) => command.allowUnknownOption().helpOption(false),
  run: async (context: Context, words: readonly string[]) => {
    const candidates = await candidatesFor(context, words).catch(() => []);
    for (const { name, text } of candidates) context.printLine(text === "" ? name : `${name}\t${text}`);
  },
};

interface Candidate {
  readonly name: string;
  readonly text: string;
}

const FILES: readonly Candidate[] = [{ name: ":files", text: "" }];

async function candidatesFor(context: Context, words: readonly string[]): Promise<readonly Candidate[]> {
  const current = words.at(-1) ?? "";
  const globals = declareGlobals(new Command("stowage"));
  const { rest, given, open } = splitGlobals(globals, words.slice(0, -1));
  if (open !== undefined) return valuesOf(context, open);
  if (rest.length === 0) {
    return current.startsWith("-") ? optionsOf(globals) : commandsOf(COMMANDS);
  }
  const found = await findCommand(COMMANDS, rest);
  if (found === undefined) return [];
  if ("entries" in found) return commandsOf(found.entries);
  const command = new Command();
  found.command.declare(command);
  const before = found.words.at(-1);
  const option = command.options.find(
    ({ long, short }) => before !== undefined && (long === before || short === before),
  );
  if (option !== undefined && (option.required || option.optional)) return valuesOf(context, option);
  if (current.startsWith("-")) return optionsOf(command);
  return argumentsOf(context.with(given), found);
}

/** Cuts the options before the command's name off; `open` is one that waits for its value. */
function splitGlobals(
  program: Command,
  words: readonly string[],
): { readonly rest: readonly string[]; readonly given: Partial<Globals>; readonly open?: Option } {
  const given: {
    file: string[];
    profile: string[];
    envFile: string[];
    projectName?: string;
    projectDirectory?: string;
  } = {
    file: [],
    profile: [],
    envFile: [],
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (!word.startsWith("-")) return { rest: words.slice(at), given };
    const option = program.options.find(({ long, short }) => long === word || short === word);
    if (option === undefined || !option.required) continue;
    const value = words[++at];
    if (value === undefined) return { rest: [], given, open: option };
    const name = option.attributeName();
    if (name === "file" || name === "profile" || name === "envFile") given[name].push(value);
    else if (name === "projectName" || name === "projectDirectory") given[name] = value;
  }
  return { rest: [], given };
}

interface Found {
  readonly command: CliCommand;
  readonly path: readonly string[];
  /** After the command's name. */
  readonly words: readonly string[];
}

async function findCommand(
  entries: Readonly<Record<string, CommandEntry>>,
  words: readonly string[],
  path: readonly string[] = [],
): Promise<Found | { readonly entries: typeof entries } | undefined> {
  const [name, ...rest] = words;
  if (name === undefined) return { entries };
  const loaded = await entries[name]?.load();
  if (loaded === undefined) return undefined;
  if (isGroup(loaded)) return findCommand(loaded.commands, rest, [...path, name]);
  return { command: loaded, path: [...path, name], words: rest };
}

function commandsOf(entries: Readonly<Record<string, CommandEntry>>): readonly Candidate[] {
  return Object.entries(entries)
    .filter(([, entry]) => entry.isHidden !== true)
    .map(([name, entry]) => ({ name, text: entry.summary }));
}

function optionsOf(command: Command): readonly Candidate[] {
  const own = command.options.flatMap(({ long, description, hidden }) =>
    long && !hidden ? [{ name: long, text: description }] : [],
  );
  return [...own, { name: "--help", text: "show help" }];
}

function valuesOf(context: Context, option: Option): readonly Candidate[] | Promise<readonly Candidate[]> {
  if (option.argChoices !== undefined) return option.argChoices.map((name) => ({ name, text: "" }));
  switch (option.long) {
    case "--profile":
      return profilesOf(context);
    case "--project-name":
      return stacksOf(context);
    case "--exit-code-from":
    case "--attach":
    case "--no-attach":
      return servicesOf(context);
    default:
      return FILES;
  }
}

async function argumentsOf(context: Context, { command, path, words }: Found): Promise<readonly Candidate[]> {
  const [first = "", ...rest] = path;
  const usage = command.usage ?? "";
  if (rest.length === 0) {
    if (/^\[services/.test(usage) || /^<services/.test(usage)) return servicesOf(context);
    if (/^<service>/.test(usage)) return words.length === 0 ? servicesOf(context) : FILES;
    if (/^<service=/.test(usage)) {
      return (await servicesOf(context)).map(({ name, text }) => ({ name: `${name}=`, text }));
    }
    if (first === "completion") return ["bash", "zsh", "fish"].map((name) => ({ name, text: "" }));
    return FILES;
  }
  const { objectNames } = await import("../object-names.ts");
  const names = await objectNames(context, first);
  return names === undefined ? FILES : names.map((name) => ({ name, text: "" }));
}

async function servicesOf(context: Context): Promise<readonly Candidate[]> {
  const { loadQuietly } = await import("../project.ts");
  const stack = await loadQuietly(context);
  return Object.entries({ ...stack?.services, ...stack?.disabled }).map(([name, service]) => ({
    name,
    text: service.image ?? "",
  }));
}

async function profilesOf(context: Context): Promise<readonly Candidate[]> {
  const { loadQuietly } = await import("../project.ts");
  const stack = await loadQuietly(context);
  const all = Object.values({ ...stack?.services, ...stack?.disabled }).flatMap(
    ({ profiles = [] }) => profiles,
  );
  return [...new Set(all)].map((name) => ({ name, text: "" }));
}

async function stacksOf(context: Context): Promise<readonly Candidate[]> {
  const { objectNames } = await import("../object-names.ts");
  return ((await objectNames(context, "stack")) ?? []).map((name) => ({ name, text: "" }));
}
