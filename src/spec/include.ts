import { readEnvFiles } from "./env-files.ts";
import { loadModel } from "./load-model.ts";
import { kindName } from "./merge-nodes.ts";
import { absolutePath, isAbsolute, parentPath, relativePath } from "./paths.ts";
import { locateFile } from "./remote.ts";
import type { Scope, ScopeFile } from "./scope.ts";
import {
  Broken,
  isString,
  type Mapping,
  mappingOf,
  type Node,
  type Origin,
  type Path,
  pathText,
} from "./source-tree.ts";
import { didYouMean } from "./suggest.ts";

/** Loads each included project whole, in its own folder with its own `.env`, and copies its resources in. */
export async function applyInclude(root: Mapping, file: ScopeFile, scope: Scope): Promise<Mapping> {
  const include = root.get("include");
  if (include === undefined || include.kind === "broken") return root.with("include", undefined);
  let model = root.with("include", undefined);
  if (include.kind !== "list") {
    if (include.kind === "scalar" && include.type === "null") return model;
    scope.problems.error("include/form", `include must be a list, not ${kindName(include)}`, {
      at: include.origin,
      path: ["include"],
    });
    return model;
  }
  const including = [...scope.including, file.path];
  for (const [index, item] of include.items.entries()) {
    const entry = readEntry(item, ["include", index], scope);
    if (entry === undefined) continue;
    const imported = await loadEntry(entry, { ...scope, including });
    if (imported !== undefined) model = importResources(model, imported, entry.at, scope);
  }
  return model;
}

interface PathText {
  readonly text: string;
  readonly at: Origin;
}

interface IncludeEntry {
  readonly at: Origin;
  readonly path: Path;
  readonly files: readonly PathText[];
  readonly directory: PathText | undefined;
  readonly envFiles: readonly PathText[];
}

const KEYS = ["path", "project_directory", "env_file"];

function readEntry(node: Node, path: Path, scope: Scope): IncludeEntry | undefined {
  if (isString(node)) {
    return {
      at: node.origin,
      path,
      files: [{ text: node.value, at: node.origin }],
      directory: undefined,
      envFiles: [],
    };
  }
  if (node.kind !== "map") {
    if (node.kind !== "broken") wrongForm(node, path, "text or a mapping", scope);
    return undefined;
  }
  for (const [key, entry] of node.entries) {
    if (KEYS.includes(key) || key.startsWith("x-")) continue;
    scope.problems.warning("include/unknown-key", `include has no "${key}"`, {
      at: entry.key,
      path: [...path, key],
      hint: didYouMean(key, KEYS),
    });
  }
  const files = textsIn(node.get("path"), [...path, "path"], scope);
  const directory = textsIn(node.get("project_directory"), [...path, "project_directory"], scope)?.[0];
  const envFiles = textsIn(node.get("env_file"), [...path, "env_file"], scope);
  if (files === undefined || envFiles === undefined) return undefined;
  return {
    at: node.origin,
    path,
    files,
    directory: directory?.text === "" ? undefined : directory,
    envFiles,
  };
}

function textsIn(node: Node | undefined, path: Path, scope: Scope): readonly PathText[] | undefined {
  if (node === undefined || (node.kind === "scalar" && node.type === "null")) return [];
  if (isString(node)) return [{ text: node.value, at: node.origin }];
  const items = node.kind === "list" ? node.items : [];
  if (node.kind === "list" && items.every(isString)) {
    return items.map((item) => ({ text: item.value, at: item.origin }));
  }
  if (node.kind !== "broken" && !items.some((item) => item.kind === "broken")) {
    wrongForm(node, path, "text or a list of texts", scope);
  }
  return undefined;
}

function wrongForm(node: Node, path: Path, wants: string, scope: Scope): void {
  scope.problems.error("include/form", `${pathText(path)} must be ${wants}, not ${kindName(node)}`, {
    at: node.origin,
    path,
  });
}

async function loadEntry(entry: IncludeEntry, scope: Scope): Promise<Mapping | undefined> {
  const files: string[] = [];
  for (const { text, at } of entry.files) {
    const path = await locateFile(text, scope.directory, scope, { at, path: entry.path });
    if (path === undefined) return undefined;
    files.push(path);
  }
  const main = files[0];
  if (main !== undefined && scope.including.includes(main)) {
    const links = [...scope.including.slice(scope.including.indexOf(main)), main];
    scope.problems.error("include/cycle", `Files include each other in a circle: ${links.join(" -> ")}`, {
      at: entry.files[0]?.at ?? entry.at,
      path: entry.path,
    });
    return undefined;
  }
  const folder = await folderOf(entry, main, scope);
  const variables = await includedVariables(entry, folder.directory, scope);
  if (variables === undefined) return undefined;
  const inner: Scope = { ...scope, ...folder, variables, skip: { ...scope.skip, pathResolution: false } };
  const mention = { at: entry.files[0]?.at ?? entry.at, path: entry.path };
  return await loadModel(
    files.map((path) => ({ path, name: path })),
    inner,
    mention,
  );
}

/** The included project's folder: said, or its first file's. Paths of one that is not there start in the folder above it (compose-go 2.9.1). */
async function folderOf(
  { directory }: IncludeEntry,
  main: string | undefined,
  scope: Scope,
): Promise<{ readonly directory: string; readonly relativeDirectory: string }> {
  if (directory === undefined) {
    const own = main === undefined ? scope.directory : parentPath(main);
    return { directory: own, relativeDirectory: relativePath(scope.directory, own) };
  }
  if (isAbsolute(directory.text)) return { directory: directory.text, relativeDirectory: directory.text };
  const own = absolutePath(scope.directory, directory.text);
  const isThere = (await scope.files.disk.kindOf(own)) === "directory";
  const base = isThere ? own : parentPath(own);
  return { directory: own, relativeDirectory: relativePath(scope.directory, base) };
}

async function includedVariables(entry: IncludeEntry, directory: string, scope: Scope) {
  const { disk } = scope.files;
  if (entry.envFiles.length > 0) {
    const files = entry.envFiles.map(({ text, at }) => ({ path: absolutePath(scope.directory, text), at }));
    return await readEnvFiles(files, scope);
  }
  const own = `${directory}/.env`;
  const exists = (await disk.kindOf(own)) === "file";
  return exists ? await readEnvFiles([{ path: own, at: entry.at }], scope) : scope.variables;
}

const SECTIONS = ["services", "volumes", "networks", "secrets", "configs", "models"];

function importResources(model: Mapping, imported: Mapping, at: Origin, scope: Scope): Mapping {
  let result = model;
  for (const section of SECTIONS) {
    const from = imported.get(section);
    if (from?.kind !== "map") continue;
    const present = result.get(section);
    let into = present?.kind === "map" ? present : mappingOf([], at);
    for (const [name, entry] of from.entries) {
      const other = into.entries.get(name);
      if (other === undefined) into = into.with(name, entry.value, entry.key);
      else if (!isSame(other.value, entry.value)) {
        scope.problems.error(
          "include/conflict",
          `${section}.${name} is declared here, and differently in an included file`,
          {
            at: other.key,
            path: [section, name],
            hint: "put the change into a file that is merged after this one, by a second -f or a second include path",
            related: [{ at: entry.key, message: "included from here" }],
          },
        );
        into = into.with(name, new Broken(other.key), other.key);
      }
    }
    result = result.with(section, into, present?.origin ?? at);
  }
  return result;
}

/** Equal but for where it stands. */
function isSame(a: Node, b: Node): boolean {
  if (a.kind === "scalar") return b.kind === "scalar" && a.value === b.value && a.type === b.type;
  if (a.kind === "list") {
    return (
      b.kind === "list" &&
      a.items.length === b.items.length &&
      a.items.every((item, index) => isSame(item, b.items[index] ?? new Broken(a.origin)))
    );
  }
  if (a.kind === "broken" || b.kind !== "map") return a.kind === "broken" || b.kind === "broken";
  return (
    a.entries.size === b.entries.size &&
    [...a.entries].every(([key, { value }]) => {
      const other = b.get(key);
      return other !== undefined && isSame(value, other);
    })
  );
}
