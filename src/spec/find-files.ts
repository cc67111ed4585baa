import { COMPOSE_FILE_NAMES } from "../lib/compose-file-names.ts";
import { readEnvFiles } from "./env-files.ts";
import type { LoadOptions } from "./load-options.ts";
import { absolutePath, isAbsolute, joinPath, parentPath } from "./paths.ts";
import type { ProblemList } from "./problem-list.ts";
import { isRemote, locateFile } from "./remote.ts";
import type { ScopeFile } from "./scope.ts";
import type { TextFiles } from "./text-files.ts";
import { Variables } from "./variables.ts";

export interface ProjectFiles {
  readonly files: readonly ScopeFile[];
  /** The project's folder, absolute: what paths are relative to. */
  readonly directory: string;
  /** Whose name the project takes where it is given none; another where the files come from a repository. */
  readonly namingDirectory: string;
  readonly variables: Variables;
  /** Absolute; only those that were named. */
  readonly envFiles: readonly string[];
}

const OVERRIDE_NAMES = [
  "compose.override.yml",
  "compose.override.yaml",
  "docker-compose.override.yml",
  "docker-compose.override.yaml",
];

/**
 * Which files make up the project, and which variables they may name: `-f`, else COMPOSE_FILE, else the default names
 * in this folder or the nearest above that has one; variables of the process, then of `--env-file` or `.env`.
 */
export async function findFiles(
  options: LoadOptions,
  files: TextFiles,
  problems: ProblemList,
): Promise<ProjectFiles | undefined> {
  const finder = new Finder(options, files, problems);
  return await finder.find();
}

class Finder {
  readonly #options: LoadOptions;
  readonly #files: TextFiles;
  readonly #problems: ProblemList;
  #variables: Variables;

  constructor(options: LoadOptions, files: TextFiles, problems: ProblemList) {
    this.#options = options;
    this.#files = files;
    this.#problems = problems;
    const process = Variables.ofEnvironment(options.environment);
    const here = { value: options.startDirectory, from: "the environment" };
    this.#variables = process.withDefaults([["PWD", here]]);
  }

  async find(): Promise<ProjectFiles | undefined> {
    const named = this.#options.files ?? [];
    const first = this.#directoryOf(named);
    const envFiles = await this.#readEnvFiles(first);
    if (envFiles === undefined) return undefined;
    const chosen = named.length > 0 ? named : await this.#chooseFiles(first);
    const directory = this.#directoryOf(chosen);
    if (directory !== first && envFiles.length === 0 && (await this.#readEnvFiles(directory)) === undefined) {
      return undefined;
    }
    if (chosen.length === 0) {
      this.#problems.error("file/none", `No Compose file in ${first}, nor in a folder above it`, {
        hint: `name one with -f, or make a ${COMPOSE_FILE_NAMES[0]}`,
      });
      return undefined;
    }
    const files: ScopeFile[] = [];
    for (const name of chosen) {
      const path = await this.#locate(name);
      if (path === undefined) return undefined;
      files.push({ name, path });
    }
    const remote = files.find(({ name }) => isRemote(name));
    return {
      files,
      directory: remote === undefined ? directory : parentPath(remote.path),
      namingDirectory: directory,
      variables: this.#variables,
      envFiles,
    };
  }

  #locate(name: string): Promise<string | undefined> {
    if (name === "-") return Promise.resolve(name);
    const { startDirectory } = this.#options;
    return locateFile(name, startDirectory, { files: this.#files, problems: this.#problems });
  }

  #absolute(path: string): string {
    return path === "-" ? path : absolutePath(this.#options.startDirectory, path);
  }

  #directoryOf(names: readonly string[]): string {
    const { projectDirectory, startDirectory } = this.#options;
    if (projectDirectory !== undefined && projectDirectory !== "") return this.#absolute(projectDirectory);
    const first = names.find((name) => name !== "-");
    return first === undefined || isRemote(first) ? startDirectory : parentPath(this.#absolute(first));
  }

  /** Gives back the files that were named; undefined when one cannot be read. */
  async #readEnvFiles(directory: string): Promise<readonly string[] | undefined> {
    const named = this.#options.envFiles ?? [];
    const listed = named.length > 0 ? named : (this.#variables.value("COMPOSE_ENV_FILES") ?? "").split(",");
    const paths = listed.filter((path) => path !== "").map((path) => this.#absolute(path));
    const own = `${directory}/.env`;
    if (paths.length === 0 && (await this.#isDisabled(own))) return [];
    const files = paths.length > 0 ? paths.map((path) => ({ path })) : [{ path: own }];
    const scope = { files: this.#files, problems: this.#problems, variables: this.#variables };
    const variables = await readEnvFiles(files, scope);
    if (variables === undefined) return undefined;
    this.#variables = variables;
    return paths;
  }

  async #isDisabled(path: string): Promise<boolean> {
    const setting = this.#options.environment["COMPOSE_DISABLE_ENV_FILE"];
    if (setting !== undefined) {
      if (/^(?:1|t|T|TRUE|true|True)$/.test(setting)) return true;
      if (!/^(?:0|f|F|FALSE|false|False)$/.test(setting)) {
        this.#problems.error(
          "variable/value",
          `COMPOSE_DISABLE_ENV_FILE must be true or false, not "${setting}"`,
        );
      }
    }
    const kind = await this.#files.disk.kindOf(path);
    return kind === undefined || kind === "directory";
  }

  async #chooseFiles(directory: string): Promise<readonly string[]> {
    const list = this.#variables.value("COMPOSE_FILE");
    if (list !== undefined && list !== "") {
      const separator = this.#variables.value("COMPOSE_PATH_SEPARATOR") || ":";
      return list.split(separator).map((path) => (isAbsolute(path) ? path : this.#absolute(path)));
    }
    for (let folder = directory; ; folder = parentPath(folder)) {
      const found = await this.#firstOf(COMPOSE_FILE_NAMES, folder, "Compose");
      if (found !== undefined) {
        const override = await this.#firstOf(OVERRIDE_NAMES, folder, "override");
        return override === undefined ? [found] : [found, override];
      }
      if (folder === "/" || folder === parentPath(folder)) return [];
    }
  }

  async #firstOf(names: readonly string[], folder: string, what: string): Promise<string | undefined> {
    const paths = names.map((name) => joinPath(folder, name));
    const kinds = await Promise.all(paths.map((path) => this.#files.disk.kindOf(path)));
    const found = paths.filter((_, index) => kinds[index] !== undefined);
    if (found.length > 1) {
      this.#problems.warning(
        "file/several",
        `There are several ${what} files in ${folder}; ${found[0]} is used`,
        {
          hint: `remove ${found.slice(1).join(" and ")}`,
        },
      );
    }
    return found[0];
  }
}
