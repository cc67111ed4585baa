import { toCanonical } from "./canonical.ts";
import { applyExtends } from "./extends.ts";
import { applyInclude } from "./include.ts";
import { interpolate } from "./interpolate.ts";
import { mergeTrees } from "./merge.ts";
import { kindName } from "./merge-nodes.ts";
import type { YamlDocument } from "./parse-yaml.ts";
import { applyResets } from "./resets.ts";
import type { Scope, ScopeFile } from "./scope.ts";
import type { Mapping, Node } from "./source-tree.ts";
import { enforceUnicity } from "./unicity.ts";
import { validateSchema } from "./validate-schema.ts";

/** One document on its way into the model of the documents before it. */
interface Passage {
  readonly file: ScopeFile;
  readonly document: YamlDocument;
  readonly scope: Scope;
  /** The model so far; the document's own tree is `own` until they merge. */
  readonly model: Mapping;
  readonly own: Mapping;
}

type Stage = (passage: Passage) => Passage | Promise<Passage>;

/** What happens to each document of each file, in the order in which Compose does it. */
export const DOCUMENT_STAGES: readonly (readonly [name: string, stage: Stage])[] = [
  ["put variables in", (at) => (at.scope.skip.interpolation ? at : { ...at, own: interpolated(at) })],
  [
    "extend services",
    async (at) => ({ ...at, own: await applyExtends(at.own, at.document.resets, at.file, at.scope) }),
  ],
  ["drop what is reset", (at) => ({ ...at, model: applyResets(at.model, at.document.resets) })],
  ["include projects", async (at) => ({ ...at, own: await applyInclude(at.own, at.file, at.scope) })],
  ["merge", (at) => ({ ...at, model: mergeTrees(at.model, at.own, at.scope.problems) })],
  ["keep the last of each kind", unique],
  [
    "check by the schema",
    async (at) => ({ ...at, model: await validateSchema(at.model, at.scope.problems) }),
  ],
  ["drop the version", dropVersion],
  ["bring short forms to long ones", canonical],
  ["keep the last of each kind", unique],
];

/** The stages of a file from which a service is extended: the result is checked, not the file. */
export const EXTENDED_STAGES: readonly (readonly [name: string, stage: Stage])[] = DOCUMENT_STAGES.filter(
  ([name]) =>
    !["extend services", "include projects", "check by the schema", "drop the version"].includes(name),
);

/** Lays a document over the model of those before it. */
export async function loadDocument(
  stages: typeof DOCUMENT_STAGES,
  start: Omit<Passage, "own">,
): Promise<Mapping> {
  const { root } = start.document;
  if (root.kind === "broken") return start.model;
  if (root.kind !== "map") {
    const message = `A Compose file must be a mapping, not ${root.kind === "scalar" && root.value === null ? "empty" : kindName(root)}`;
    start.scope.problems.error("file/no-mapping", message, { at: root.origin });
    return start.model;
  }
  let passage: Passage = { ...start, own: root };
  for (const [, stage] of stages) passage = await stage(passage);
  return passage.model;
}

function interpolated({ own, scope }: Passage): Mapping {
  const result: Node = interpolate(own, scope);
  return result.kind === "map" ? result : own;
}

function unique(at: Passage): Passage {
  return { ...at, model: enforceUnicity(at.model, at.scope.problems) };
}

function canonical(at: Passage): Passage {
  const { problems, skip } = at.scope;
  return { ...at, model: toCanonical(at.model, { problems, isRaw: skip.interpolation ?? false }) };
}

function dropVersion(at: Passage): Passage {
  const version = at.model.entries.get("version");
  if (version === undefined) return at;
  at.scope.problems.warning("file/version", "The attribute version means nothing any more", {
    at: version.key,
    path: ["version"],
    hint: "remove it",
  });
  return { ...at, model: at.model.with("version", undefined) };
}
