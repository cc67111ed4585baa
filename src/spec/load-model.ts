import { setDefaults } from "./defaults.ts";
import { DOCUMENT_STAGES, EXTENDED_STAGES, loadDocument } from "./load-document.ts";
import { parseYaml, type YamlDocument } from "./parse-yaml.ts";
import { resolveEnvironment } from "./resolve-environment.ts";
import { followWatchLinks, resolvePaths } from "./resolve-paths.ts";
import type { Scope, ScopeFile } from "./scope.ts";
import { Mapping, type Origin } from "./source-tree.ts";
import type { Mention } from "./text-files.ts";
import { checkValues } from "./value-rules.ts";

/** All files of one project as one canonical tree; undefined when they hold nothing. */
export async function loadModel(
  files: readonly ScopeFile[],
  scope: Scope,
  mention: Omit<Mention, "what">,
): Promise<Mapping | undefined> {
  let model: Mapping | undefined;
  for (const file of files) {
    for (const document of await readDocuments(file, scope, { ...mention, what: "The Compose file" })) {
      model = await loadDocument(DOCUMENT_STAGES, {
        file,
        document,
        scope,
        model: model ?? emptyMapping(document.root.origin),
      });
    }
  }
  if (model === undefined) return undefined;
  const withDefaults = setDefaults(model);
  checkValues(withDefaults, scope.problems);
  const located = scope.skip.pathResolution ? withDefaults : await locate(withDefaults, scope);
  return scope.skip.interpolation ? located : resolveEnvironment(located, scope.variables);
}

async function locate(model: Mapping, scope: Scope): Promise<Mapping> {
  const { relativeDirectory, home, problems } = scope;
  const resolved = resolvePaths(model, { directory: relativeDirectory, home, problems });
  return await followWatchLinks(resolved, scope.files.disk);
}

/** A file from which services are extended, its paths relative to `scope.relativeDirectory`. */
export async function loadExtendedFile(
  file: ScopeFile,
  scope: Scope,
  mention: Omit<Mention, "what">,
): Promise<{ readonly root: Mapping; readonly resets: readonly (readonly string[])[] } | undefined> {
  const documents = await readDocuments(file, scope, { ...mention, what: "The extended file" });
  let model: Mapping | undefined;
  for (const document of documents) {
    const before = model ?? emptyMapping(document.root.origin);
    model = await loadDocument(EXTENDED_STAGES, { file, document, scope, model: before });
  }
  if (model === undefined) return undefined;
  const { relativeDirectory, home, problems } = scope;
  return {
    root: resolvePaths(model, { directory: relativeDirectory, home, problems }),
    resets: documents.flatMap((document) => document.resets),
  };
}

const parsed = new WeakMap<object, Promise<readonly YamlDocument[]>>();

/** A file's documents; each text is parsed once. */
export async function readDocuments(
  file: ScopeFile,
  scope: Pick<Scope, "files" | "problems">,
  mention: Mention,
): Promise<readonly YamlDocument[]> {
  const source = await scope.files.read(file.path, mention, file.name);
  if (source === undefined) return [];
  let documents = parsed.get(source);
  if (documents === undefined) {
    documents = parseYaml(source, scope.problems);
    parsed.set(source, documents);
  }
  return await documents;
}

function emptyMapping(origin: Origin): Mapping {
  return new Mapping(new Map(), origin);
}
