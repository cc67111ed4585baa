import { parseKeyValues } from "../../../lib/key-values.ts";
import { expandWord, findStage, type Stage, type StagedDockerfile } from "../../dockerfile/index.ts";
import type { BuildOptions } from "../../index.ts";

/**
 * The stages a target needs, itself last: through FROM, COPY --from and RUN --mount. In the file's order. A named
 * context goes before a stage of its name.
 */
export function neededStages(
  { stages, escapeChar }: StagedDockerfile,
  target: Stage,
  globalArgs: ReadonlyMap<string, string>,
  namedContexts: NonNullable<BuildOptions["namedContexts"]> = {},
): readonly Stage[] {
  const words = { escape: escapeChar, variable: (name: string) => globalArgs.get(name) };
  const needed = new Set<Stage>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage)) return;
    needed.add(stage);
    const references = [
      expandWord(stage.base, words),
      ...stage.instructions.flatMap(({ flags }) => flags.flatMap(fromOf)),
    ];
    for (const reference of references.filter((name) => !Object.hasOwn(namedContexts, name))) {
      const other = findStage(stages, reference, stage.index);
      if (other !== undefined) visit(other);
    }
  };
  visit(target);
  return stages.filter((stage) => needed.has(stage));
}

function fromOf({ name, value }: { readonly name: string; readonly value: string }): readonly string[] {
  if (name === "from") return [value];
  if (name !== "mount") return [];
  const from = new Map(parseKeyValues(value)).get("from");
  return from === undefined ? [] : [from];
}
