import { compareText } from "./merge-rules.ts";
import { parseEnvFile, parseEnvFileOf } from "./parse-env-file.ts";
import { absolutePath } from "./paths.ts";
import type { ProblemList } from "./problem-list.ts";
import type { Origin, Path } from "./source-tree.ts";
import type { EnvFile, Service } from "./stack.ts";
import type { TextFiles } from "./text-files.ts";
import type { Variable, Variables } from "./variables.ts";

export interface ServiceFilesRun {
  readonly files: TextFiles;
  readonly problems: ProblemList;
  readonly variables: Variables;
  readonly placeOf: (path: Path) => Origin | undefined;
  /** What files are relative to, where paths are not resolved. */
  readonly directory: string;
  /** Env files are left alone; label files never are. */
  readonly skipsEnvironment: boolean;
}

/** Folds a service's env files into its environment, and its label files into its labels; what it says itself wins. */
export async function resolveServiceFiles(
  name: string,
  service: Service,
  run: ServiceFilesRun,
): Promise<Service> {
  const { env_file: envFiles = [], label_file: labelFiles = [], ...rest } = service;
  if (run.skipsEnvironment) {
    const labels = await readLabels(name, service, labelFiles, run);
    const keepsFiles = envFiles.length > 0 ? { env_file: envFiles } : {};
    return { ...rest, ...keepsFiles, ...(labels !== undefined && { labels }) };
  }
  const environment = await readEnvironment(name, service, envFiles, run);
  const labels = await readLabels(name, service, labelFiles, run);
  return {
    ...rest,
    ...(environment !== undefined && { environment }),
    ...(labels !== undefined && { labels }),
  };
}

async function readEnvironment(
  name: string,
  service: Service,
  envFiles: readonly EnvFile[],
  run: ServiceFilesRun,
): Promise<Service["environment"]> {
  const own = new Map<string, string | null>();
  for (const [key, value] of Object.entries(service.environment ?? {})) {
    own.set(key, value ?? run.variables.value(key) ?? null);
  }
  const read = new Map<string, Variable>();
  for (const [index, file] of envFiles.entries()) {
    const path = ["services", name, "env_file", index];
    const at = run.placeOf([...path, "path"]);
    // A path that is missing or wrong was reported before.
    if (file.path === undefined) continue;
    const location = absolutePath(run.directory, file.path);
    if (!file.required && (await run.files.disk.kindOf(location)) === undefined) continue;
    const source = await run.files.read(location, { what: "The env file", at, path });
    if (source === undefined) continue;
    const lookup = (key: string) => run.variables.value(key) ?? own.get(key) ?? undefined;
    const format = file.format ?? "";
    if (!parseEnvFileOf(format, source, { into: read, lookup, problems: run.problems })) {
      run.problems.error("env-file/format", `"${format}" is no format of an env file: raw, or none`, {
        at: run.placeOf([...path, "format"]) ?? at,
        path: [...path, "format"],
      });
    }
  }
  const all = new Map<string, string | null>([...read].map(([key, { value }]) => [key, value]));
  for (const [key, value] of own) all.set(key, value);
  return all.size === 0 ? undefined : sortedRecord(all);
}

async function readLabels(
  name: string,
  service: Service,
  labelFiles: readonly string[],
  run: ServiceFilesRun,
): Promise<Service["labels"]> {
  if (labelFiles.length === 0) return service.labels;
  const read = new Map<string, Variable>();
  for (const [index, file] of labelFiles.entries()) {
    const path = ["services", name, "label_file", index];
    const source = await run.files.read(absolutePath(run.directory, file), {
      what: "The label file",
      at: run.placeOf(path),
      path,
    });
    if (source === undefined) continue;
    // Files before this one go before what it says itself.
    const earlier = new Map(read);
    const lookup = (key: string) => earlier.get(key)?.value;
    parseEnvFile(source, { into: read, lookup, problems: run.problems });
  }
  const all = new Map([...read].map(([key, { value }]) => [key, value]));
  for (const [key, value] of Object.entries(service.labels ?? {})) all.set(key, value);
  return all.size === 0 ? undefined : sortedRecord(all);
}

function sortedRecord<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  const out: Record<string, T> = Object.create(null);
  for (const [key, value] of [...map].sort(([a], [b]) => compareText(a, b))) out[key] = value;
  return out;
}
