import { findStage, type Stage, type StagedDockerfile, targetStage } from "./stages.ts";

/** The target, and the stages that its FROM, COPY and RUN name, in the file's order. `names`: the FROMs, variables resolved. */
export function reachableStages(
  file: StagedDockerfile,
  names: readonly string[],
  target: string,
): readonly Stage[] {
  const found = new Set<Stage>();
  const visit = (stage: Stage | undefined): void => {
    if (stage === undefined || found.has(stage)) return;
    found.add(stage);
    const sources = stage.instructions.flatMap(({ flags }) =>
      flags.flatMap(({ name, value }) =>
        name === "from" ? [value] : name === "mount" ? (/(?:^|,)from=([^,]+)/.exec(value)?.[1] ?? []) : [],
      ),
    );
    for (const source of [names[stage.index] ?? "", ...sources])
      visit(findStage(file.stages, source, stage.index));
  };
  visit(targetStage(file.stages, target));
  return file.stages.filter((stage) => found.has(stage));
}
