import { readFile, stat } from "node:fs/promises";
import type { Disk, LoadOptions } from "../../src/spec/index.ts";

/** The list of cases that comes with the corpus. */
export interface Manifest {
  /** The folder in which docker compose saw the files; the golden texts name it. */
  readonly baseDir: string;
  readonly home: string;
  readonly path: string;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly id: string;
  readonly dir: string;
  readonly args: readonly string[];
  readonly configArgs: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly exitCode: number;
  readonly stdout?: string;
}

/** Folders of the corpus that hold nothing, which git does not keep. */
const EMPTY_FOLDERS = [
  "edge/envfile-dir/d",
  "edge/dotenv-is-dir/.env",
  "edge/project-dir/pd",
  "edge/include-long/other",
];

/** The corpus, seen where docker compose saw it, so that the golden texts hold as they are. */
export function corpusDisk(corpus: string, { baseDir }: Manifest): Disk {
  const real = (path: string) =>
    path.startsWith(`${baseDir}/`) ? corpus + path.slice(baseDir.length) : path;
  const empty = new Set(EMPTY_FOLDERS.map((folder) => `${baseDir}/${folder}`));
  return {
    readFile: (path) => readFile(path === "-" ? "/dev/null" : real(path)),
    kindOf: async (path) => {
      if (empty.has(path)) return "directory";
      const found = await stat(real(path)).catch(() => undefined);
      if (found === undefined) return undefined;
      return found.isDirectory() ? "directory" : "file";
    },
    realPath: async (path) => path,
  };
}

const SWITCHES: Readonly<Record<string, string>> = {
  "--no-consistency": "consistency",
  "--no-normalize": "normalization",
  "--no-path-resolution": "pathResolution",
  "--no-env-resolution": "envResolution",
  "--no-interpolate": "interpolation",
};

/** A case's command line as the loader's options. */
export function optionsOf(each: Case, manifest: Manifest, disk: Disk): LoadOptions {
  const files: string[] = [];
  const envFiles: string[] = [];
  const profiles: string[] = [];
  const services: string[] = [];
  const skip: Record<string, boolean> = {};
  const rest: { projectName?: string; projectDirectory?: string; allResources?: boolean } = {};
  const args = [...each.args];
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    if (arg === "-f") files.push(args.shift() ?? "");
    else if (arg === "-p") rest.projectName = args.shift() ?? "";
    else if (arg === "--env-file") envFiles.push(args.shift() ?? "");
    else if (arg === "--profile") profiles.push(args.shift() ?? "");
    else if (arg === "--project-directory") rest.projectDirectory = args.shift() ?? "";
    else if (arg === "--all-resources") rest.allResources = true;
    else if (arg === "--compatibility") skip["normalization"] = true;
    else throw new Error(`${each.id} has the argument ${arg}`);
  }
  for (const arg of each.configArgs) {
    const key = SWITCHES[arg];
    if (key !== undefined) skip[key] = true;
    else if (!arg.startsWith("-") && arg !== "json" && arg !== "*") services.push(arg);
  }
  return {
    ...rest,
    files,
    envFiles,
    profiles,
    services,
    skip,
    onlySelected: true,
    startDirectory: `${manifest.baseDir}/${each.dir}`,
    environment: { PATH: manifest.path, HOME: manifest.home, ...each.env },
    homeDirectory: each.env?.["HOME"] ?? manifest.home,
    disk,
  };
}
