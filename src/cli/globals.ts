import { type Command, InvalidArgumentError, Option } from "commander";

export const PROGRESS_TYPES = ["auto", "tty", "plain", "json", "quiet"] as const;

/** The options before the command's name, as Compose has them, and two of ours (`--host`, `--runtime`). */
export interface Globals {
  readonly file: readonly string[];
  readonly projectName?: string;
  readonly projectDirectory?: string;
  readonly envFile: readonly string[];
  readonly profile: readonly string[];
  readonly ansi?: "never" | "always" | "auto";
  readonly progress?: (typeof PROGRESS_TYPES)[number];
  readonly parallel?: number;
  readonly compatibility?: boolean;
  readonly dryRun?: boolean;
  readonly allResources?: boolean;
  readonly host?: string;
  readonly runtime?: "engine" | "docker" | "memory";
}

/** What Compose still takes though it has other names for it. */
export interface OldGlobals {
  readonly workdir?: string;
  readonly noAnsi?: boolean;
}

export function declareGlobals(program: Command): Command {
  return program
    .addOption(repeated("-f, --file <path>", "Compose file, merged left to right; - is stdin"))
    .option("-p, --project-name <name>", "stack's name")
    .option("--project-directory <path>", "folder that relative paths start from (default: the first file's)")
    .addOption(repeated("--env-file <path>", "read variables from here instead of .env"))
    .addOption(repeated("--profile <name>", "enable a profile; * enables all"))
    .addOption(
      new Option("--ansi <when>", "colours and cursor movement").choices(["never", "always", "auto"]),
    )
    .addOption(new Option("--progress <type>", "kind of progress output").choices(PROGRESS_TYPES))
    .option("--parallel <count>", "pulls and builds at once, -1 for no limit", integer)
    .option("--compatibility", "names with _ instead of -")
    .option("--all-resources", "keep networks, volumes, configs and secrets that no service uses")
    .option("--dry-run", "print the plan instead of carrying it out")
    .addOption(new Option("--workdir <path>", "--project-directory").hideHelp())
    .addOption(noFlag("--no-ansi", "--ansi never").hideHelp())
    .addOption(new Option("--verbose", "accepted for Compose's sake").hideHelp())
    .option("-H, --host <url>", "Docker-compatible engine to use: unix:///path or tcp://host:port")
    .addOption(
      new Option(
        "--runtime <name>",
        "where containers run: our engine, or a Docker-compatible socket",
      ).choices(["engine", "docker", "memory"]),
    );
}

/** An option that may be given several times; all values are kept. */
export function repeated(flags: string, description: string): Option {
  return ownName(flags, description)
    .default([], "none")
    .argParser((value: string, previous: readonly string[] | undefined) => [...(previous ?? []), value]);
}

/** A flag named `--no-x` that does not switch `--x` off but stands for itself, as `noX`. */
export function noFlag(flags: string, description: string): Option {
  return ownName(flags, description);
}

/** Commander takes `--no-x` for the opposite of `--x`; here it is an option of its own. */
function ownName(flags: string, description: string): Option {
  const option = new Option(flags, description);
  option.negate = false;
  const name = option.name();
  option.attributeName = () => name.replaceAll(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
  return option;
}

export function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError("It is not a whole number");
  return value;
}

export function seconds(text: string): number {
  const value = integer(text);
  if (value < -1) throw new InvalidArgumentError("It is not a number of seconds");
  return value;
}
