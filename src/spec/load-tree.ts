import { findFiles, type ProjectFiles } from "./find-files.ts";
import { loadModel, readDocuments } from "./load-model.ts";
import type { LoadOptions } from "./load-options.ts";
import { normalize } from "./normalize.ts";
import { baseName } from "./paths.ts";
import type { ProblemList } from "./problem-list.ts";
import { projectName } from "./project-name.ts";
import type { Scope } from "./scope.ts";
import type { Mapping } from "./source-tree.ts";
import { TextFiles } from "./text-files.ts";

/** The canonical, normalised tree of a project, before it is typed. */
export interface LoadedTree {
  readonly tree: Mapping;
  readonly name: string;
  readonly found: ProjectFiles;
  readonly files: TextFiles;
}

export async function loadTree(options: LoadOptions, problems: ProblemList): Promise<LoadedTree | undefined> {
  const files = new TextFiles(options.disk, problems);
  const found = await findFiles(options, files, problems);
  if (found === undefined) return undefined;
  const documents = [];
  for (const file of found.files) {
    documents.push(await readDocuments(file, { files, problems }, { what: "The Compose file" }));
  }
  const name = projectName(options, found.namingDirectory, documents, found.variables, problems);
  const variables = found.variables.with("COMPOSE_PROJECT_NAME", { value: name, from: "the project's name" });
  const scope: Scope = {
    files,
    problems,
    variables,
    home: options.homeDirectory,
    skip: options.skip ?? {},
    directory: found.directory,
    relativeDirectory: found.directory,
    including: [],
  };
  const model = await loadModel(found.files, scope, {});
  if (model === undefined || model.entries.size === 0) {
    const names = found.files.map((file) => baseName(file.name)).join(", ");
    if (problems.errors === 0) problems.error("file/empty", `There is nothing in ${names}`);
    return undefined;
  }
  // What the text leaves to variables stays open where they are not put in.
  const known = options.skip?.interpolation ? undefined : variables;
  const tree = options.skip?.normalization ? model : normalize(model, name, known);
  return { tree, name, found: { ...found, variables }, files };
}
