import { interpolate } from "./interpolate.ts";
import type { LoadOptions } from "./load-options.ts";
import type { YamlDocument } from "./parse-yaml.ts";
import { baseName } from "./paths.ts";
import type { ProblemList } from "./problem-list.ts";
import { isNull, mappingOf, type Scalar } from "./source-tree.ts";
import type { Variables } from "./variables.ts";

/** `-p`, else COMPOSE_PROJECT_NAME, else the last `name:` of the files, else the folder's name. */
export function projectName(
  options: LoadOptions,
  directory: string,
  documents: readonly (readonly YamlDocument[])[],
  variables: Variables,
  problems: ProblemList,
): string {
  const given = options.projectName || variables.value("COMPOSE_PROJECT_NAME");
  if (given) return checkName(given, problems);
  const named = documents.flat().flatMap(nameIn).at(-1);
  if (named === undefined) return fallbackName(directory, problems);
  const filled = options.skip?.interpolation ? String(named.value) : fillIn(named, variables, problems);
  const name = options.skip?.normalization ? filled : normalizeName(filled);
  if (name === "") {
    problems.error("project/name", `"${named.value}" leaves nothing to name the project by`, {
      at: named.origin,
      path: ["name"],
      hint: 'use lower-case letters, digits, "-" and "_"',
    });
  }
  return name;
}

function nameIn({ root }: YamlDocument): Scalar[] {
  const name = root.kind === "map" ? root.get("name") : undefined;
  return name?.kind === "scalar" && !isNull(name) && String(name.value) !== "" ? [name] : [];
}

function fillIn(name: Scalar, variables: Variables, problems: ProblemList): string {
  const filled = interpolate(mappingOf([["name", name]], name.origin), { variables, problems });
  const value = filled.kind === "map" ? filled.get("name") : undefined;
  return value?.kind === "scalar" ? String(value.value) : "";
}

function checkName(name: string, problems: ProblemList): string {
  if (normalizeName(name) !== name) {
    problems.error(
      "project/name",
      `"${name}" cannot name a project: lower-case letters, digits, "-" and "_" only, a letter or digit first`,
      { hint: normalizeName(name) === "" ? undefined : `"${normalizeName(name)}" can` },
    );
  }
  return name;
}

function fallbackName(directory: string, problems: ProblemList): string {
  const name = normalizeName(baseName(directory));
  if (name === "") {
    problems.error("project/name", `The folder ${directory} gives the project no name`, {
      hint: "give it one with -p, or with name: in the file",
    });
  }
  return name;
}

export function normalizeName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");
}
