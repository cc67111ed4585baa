import { basename, dirname, join, resolve } from "node:path";
import { COMPOSE_FILE_NAMES } from "../lib/compose-file-names.ts";
import type { LoadOptions, LoadResult, LoadSwitches, Stack } from "../spec/index.ts";
import { CliError, ExitWith } from "./cli-error.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { textOfFile } from "./read-file.ts";

export interface ProjectOptions {
  /** Named on the command line: their profiles are enabled. */
  readonly services?: readonly string[];
  /** Leave out what `services` neither names nor depends on. */
  readonly onlySelected?: boolean;
  readonly skip?: LoadSwitches;
  /** Warnings stay unsaid. */
  readonly isQuiet?: boolean;
}

export interface Project extends LoadResult {
  readonly stack: Stack;
}

/** Loads the Compose files that the options and the environment name. Says all that is wrong and ends with 15, or 1 where only a service is unknown. */
export async function loadProject(context: Context, options: ProjectOptions = {}): Promise<Project> {
  const result = await load(context, options);
  const { stack, problems } = result;
  const errors = problems.filter((problem) => problem.severity === "error");
  const said = options.isQuiet === true ? errors : problems;
  if (said.length > 0) {
    const { renderProblems } = await import("./render/problems.ts");
    context.io.stderr.write(
      renderProblems(said, { isColoured: context.hasColour("stderr"), cwd: context.io.cwd }),
    );
  }
  if (stack === undefined) {
    // A service that only the command line names is no fault of the files.
    const areFilesRight = errors.every(({ rule }) => rule === "service/unknown");
    throw new ExitWith(areFilesRight ? EXIT.failed : EXIT.invalidFiles);
  }
  return { ...result, stack };
}

/** The stack of this folder, or undefined where there is none that loads; says nothing. */
export async function loadQuietly(context: Context): Promise<Stack | undefined> {
  return (await load(context, {})).stack;
}

async function load(context: Context, options: ProjectOptions): Promise<LoadResult> {
  const [{ loadStack }, load] = await Promise.all([
    import("../spec/index.ts"),
    loadOptions(context, options),
  ]);
  return loadStack(load);
}

/** What the loader is given: the global options, the environment and the disk. */
export async function loadOptions(context: Context, options: ProjectOptions): Promise<LoadOptions> {
  const { globals, io } = context;
  const { localDisk } = await import("./disk.ts");
  return {
    files: globals.file,
    startDirectory: io.cwd,
    envFiles: globals.envFile,
    profiles: globals.profile,
    environment: environmentOf(context),
    disk: localDisk(() => io.stdin, io.env),
    ...(globals.projectName !== undefined && { projectName: globals.projectName }),
    ...(globals.projectDirectory !== undefined && { projectDirectory: globals.projectDirectory }),
    ...(options.services !== undefined && { services: options.services }),
    ...(io.env["HOME"] !== undefined && { homeDirectory: io.env["HOME"] }),
    ...(options.skip !== undefined && { skip: options.skip }),
    ...(options.onlySelected === true && { onlySelected: true }),
    ...(globals.allResources !== undefined && { allResources: globals.allResources }),
  };
}

function environmentOf({ io, globals }: Context): Readonly<Record<string, string | undefined>> {
  return globals.compatibility === true ? { ...io.env, COMPOSE_COMPATIBILITY: "true" } : io.env;
}

/**
 * The stack's name and, where the files had to be read for it, the stack. The common case costs no parser: the
 * name comes from `-p`, the environment or the folder, unless a file or `.env` has a say in it.
 */
export async function projectName(
  context: Context,
): Promise<{ readonly name: string; readonly project?: Project }> {
  const { globals, io } = context;
  const given = globals.projectName ?? (globals.file.length > 0 ? undefined : io.env["COMPOSE_PROJECT_NAME"]);
  if (given !== undefined && given !== "") {
    if (/^[a-z0-9][a-z0-9_-]*$/.test(given)) return { name: given };
    throw new CliError(
      `Invalid stack name "${given}": it must be lower-case letters, digits, _ and -, and begin with a letter or digit`,
      { exitCode: EXIT.usage },
    );
  }
  const quick = nameOfFolder(context);
  if (quick !== undefined) return { name: quick };
  const project = await loadProject(context, { isQuiet: true });
  return { name: project.stack.name, project };
}

/** The files are read only where a service's name has to be checked against them. */
export async function projectAndServices(
  context: Context,
  services: readonly string[],
  needsServices = false,
): Promise<{ readonly name: string; readonly enabled?: readonly string[] }> {
  const hasFiles = context.globals.projectName === undefined || context.globals.file.length > 0;
  if (!hasFiles || (services.length === 0 && !needsServices)) return projectName(context);
  const { stack } = await loadProject(context, { services, isQuiet: true });
  const known = { ...stack.services, ...stack.disabled };
  const unknown = services.find((service) => !Object.hasOwn(known, service));
  if (unknown !== undefined) throw new CliError(`no such service: ${unknown}`);
  return { name: stack.name, enabled: Object.keys(stack.services) };
}

/** Undefined where only the loader can tell. */
function nameOfFolder({ globals, io }: Context): string | undefined {
  const hasOptions = globals.projectDirectory !== undefined || globals.envFile.length > 0;
  const hasVariables = ["COMPOSE_FILE", "COMPOSE_ENV_FILES", "COMPOSE_PROJECT_NAME"].some(
    (name) => (io.env[name] ?? "") !== "",
  );
  if (hasOptions || hasVariables || globals.file.includes("-")) return undefined;
  const files = globals.file.length > 0 ? globals.file.map((file) => resolve(io.cwd, file)) : found(io.cwd);
  const [first] = files;
  if (first === undefined) return undefined;
  const dir = dirname(first);
  const texts = [...files, join(dir, ".env"), join(io.cwd, ".env")].map(textOfFile);
  if (!texts.every((text) => text !== undefined)) return undefined;
  if (texts.some((text) => /^\s*(?:(?:export\s+)?COMPOSE_|["']?name["']?\s*:)/m.test(topLevelOf(text)))) {
    return undefined;
  }
  if (texts.some((text) => /^include\s*:/m.test(text) || text.startsWith("{"))) return undefined;
  const name = basename(dir)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");
  return name === "" ? undefined : name;
}

function topLevelOf(text: string): string {
  return text
    .split("\n")
    .filter((line) => /^\S/.test(line))
    .join("\n");
}

function found(cwd: string): readonly string[] {
  for (let dir = cwd; ; dir = dirname(dir)) {
    for (const name of COMPOSE_FILE_NAMES) {
      const path = join(dir, name);
      if (textOfFile(path) !== "") {
        const overrides = ["yml", "yaml"].map((ending) =>
          join(dir, name.replace(/\.ya?ml$/, `.override.${ending}`)),
        );
        return [path, ...overrides];
      }
    }
    if (dir === dirname(dir)) return [];
  }
}
