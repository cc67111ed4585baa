import { Command, CommanderError } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { type CliCommand, type CommandEntry, isGroup } from "./cli-command.ts";
import { type CliError, ExitWith, usageError } from "./cli-error.ts";
import { COMMANDS } from "./commands.ts";
import { Context } from "./context.ts";
import { withDotEnv } from "./dot-env.ts";
import { EXIT } from "./exit-codes.ts";
import { declareGlobals, type Globals, type OldGlobals } from "./globals.ts";
import { groupHelp, rootHelp } from "./help.ts";
import { type CliIo, processIo } from "./io.ts";
import { nearest } from "./nearest.ts";

/**
 * Runs one command line; resolves to the exit code. The command's name is found first and only its file is
 * loaded: what is not used costs nothing at the start.
 */
export async function main(args: readonly string[], io: CliIo = processIo()): Promise<number> {
  let context = new Context(io, NO_GLOBALS);
  try {
    const program = rootProgram(io);
    program.parseOptions([]);
    const { globals, rest } = parseGlobals(program, args);
    context = new Context(withDotEnv(io, globals), globals);
    const [name, ...words] = rest;
    if (name === undefined || (name === "help" && words.length === 0)) {
      (name === undefined ? io.stderr : io.stdout).write(rootHelp(program));
      return name === undefined ? EXIT.usage : EXIT.ok;
    }
    if (name === "help") return await runEntry(context, ["stowage"], COMMANDS, [...words, "--help"]);
    return await runEntry(context, ["stowage"], COMMANDS, rest);
  } catch (error) {
    return await exitCodeOf(error, context);
  } finally {
    await context.close();
  }
}

const NO_GLOBALS: Globals = { file: [], envFile: [], profile: [] };

function rootProgram(io: CliIo): Command {
  const program = quiet(new Command("stowage"), io)
    .description("Bring a declared stack of containers up, hold it there, take it down")
    .usage("[options] <command>")
    .version(`Stowage version ${packageJson.version}`, "-v, --version", "print the version")
    .enablePositionalOptions()
    .passThroughOptions()
    .argument("[command...]");
  return declareGlobals(program);
}

function parseGlobals(
  program: Command,
  args: readonly string[],
): { readonly globals: Globals; readonly rest: readonly string[] } {
  let rest: readonly string[] = [];
  program.helpInformation = () => rootHelp(program);
  program.action((words: readonly string[]) => {
    rest = words;
  });
  program.parse(args, { from: "user" });
  const { workdir, noAnsi, ...globals } = program.opts<Globals & OldGlobals>();
  return {
    globals: {
      ...(workdir !== undefined && { projectDirectory: workdir }),
      ...(noAnsi === true && { ansi: "never" }),
      ...globals,
    },
    rest,
  };
}

async function runEntry(
  context: Context,
  path: readonly string[],
  entries: Readonly<Record<string, CommandEntry>>,
  words: readonly string[],
): Promise<number> {
  const [name = "", ...args] = words;
  const found = findEntry(entries, name);
  if (found === undefined) throw unknownCommand(path, entries, name);
  const command = await found.entry.load();
  const at = [...path, found.name];
  if (!isGroup(command)) return runCommand(context, at, command, args);
  const [first] = args;
  if (first === undefined || first === "--help" || first === "-h" || first === "help") {
    (first === undefined ? context.io.stderr : context.io.stdout).write(groupHelp(at, command));
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  return runEntry(context, at, command.commands, args);
}

async function runCommand(
  context: Context,
  path: readonly string[],
  definition: CliCommand,
  args: readonly string[],
): Promise<number> {
  const command = quiet(new Command(path.join(" ")), context.io).description(definition.summary);
  if (definition.usage !== undefined) command.arguments(definition.usage);
  if (definition.hasForeignArguments === true) command.passThroughOptions();
  definition.declare(command);
  command.option("--dry-run", "print the plan instead of carrying it out");
  if (definition.help !== undefined) command.addHelpText("after", `\n${definition.help}`);
  let code = 0;
  command.action(async () => {
    const flags = command.opts<{ readonly dryRun?: boolean }>();
    const own = flags.dryRun === true ? context.with({ dryRun: true }) : context;
    const result = await definition.run(own, command.args, flags as never);
    code = typeof result === "number" ? result : EXIT.ok;
  });
  const end = ownWords(command, args, definition.hasForeignArguments === true);
  const plain = [...withPlainBooleans(command, args.slice(0, end)), ...args.slice(end)];
  await command.parseAsync(plain, { from: "user" });
  return code;
}

/** `--flag=true` and `-f=false`, which commander does not know and Compose's users write. */
function withPlainBooleans(command: Command, args: readonly string[]): string[] {
  return args.flatMap((arg) => {
    const match = /^(--[a-zA-Z-]+|-[a-zA-Z])=(true|false|1|0|t|f)$/i.exec(arg);
    if (match === null) return [arg];
    const option = command.options.find(({ long, short }) => long === match[1] || short === match[1]);
    if (option === undefined || option.required || option.optional) return [arg];
    const isOn = /^[t1]/i.test(match[2] ?? "");
    if (isOn) return [match[1] ?? arg];
    command.setOptionValue(option.attributeName(), false);
    return [];
  });
}

/** How many words are ours to read: not those after `--`, nor, where another program's command follows, from its name on. */
function ownWords(command: Command, args: readonly string[], hasForeign: boolean): number {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  if (!hasForeign) return end;
  for (let at = 0; at < end; at++) {
    const arg = args[at] ?? "";
    if (!/^-./.test(arg)) return at;
    const last = arg.startsWith("--") ? arg : `-${arg.at(-1)}`;
    const option = command.options.find(({ long, short }) => long === last || short === last);
    if (option?.required === true) at++;
  }
  return end;
}

function findEntry(
  entries: Readonly<Record<string, CommandEntry>>,
  name: string,
): { readonly name: string; readonly entry: CommandEntry } | undefined {
  const direct = Object.hasOwn(entries, name) ? entries[name] : undefined;
  if (direct !== undefined) return { name, entry: direct };
  const alias = Object.entries(entries).find(([, entry]) => entry.aliases?.includes(name));
  return alias === undefined ? undefined : { name: alias[0], entry: alias[1] };
}

/** Compose's commands that are left out, and what there is instead. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  publish: "stacks are not published as OCI artifacts: share the files, and the images with `stowage push`",
  bridge: "stacks are not converted for other platforms: `stowage config` prints the normal form to convert",
  alpha: "Compose's experiments are left out: `stowage plan` and `stowage explain` show what a stack does",
};

function unknownCommand(
  path: readonly string[],
  entries: Readonly<Record<string, CommandEntry>>,
  name: string,
): CliError {
  const reason = entries === COMMANDS && Object.hasOwn(LEFT_OUT, name) ? LEFT_OUT[name] : undefined;
  if (reason !== undefined) return usageError(`Stowage has no \`${name}\``, reason);
  const close = nearest(name, Object.keys(entries));
  return usageError(
    `Unknown command "${name}" for "${path.join(" ")}"`,
    close === undefined
      ? `\`${path.join(" ")} --help\` lists the commands`
      : `did you mean \`${path.join(" ")} ${close}\`?`,
  );
}

/** Commander says what it has to say through our streams, and throws instead of ending the process. */
function quiet(command: Command, io: CliIo): Command {
  return command.exitOverride().configureOutput({
    writeOut: (text) => void io.stdout.write(text),
    writeErr: () => {},
    getOutHelpWidth: () => io.stdout.columns ?? 100,
  });
}

async function exitCodeOf(error: unknown, context: Context): Promise<number> {
  if (error instanceof ExitWith) return error.exitCode;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    const message = error.message.replace(/^error: /, "");
    return exitCodeOf(usageError(capital(message)), context);
  }
  const { renderError, exitCodeFor } = await import("./render/error.ts");
  context.io.stderr.write(renderError(error, context));
  return exitCodeFor(error);
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
