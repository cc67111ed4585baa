import { type Dockerfile, type Instruction, linesOf } from "../parse-dockerfile.ts";
import type { Stage } from "../stages.ts";
import type { Warn } from "./rules.ts";

const RESERVED = ["context", "scratch"];

/** What the words themselves tell, before a variable has a value. */
export function lintText(text: string, file: Dockerfile, stages: readonly Stage[], warn: Warn): void {
  const lines = linesOf(text);
  for (const instruction of file.instructions) lintContinuation(lines, instruction, warn);
  for (const instruction of file.instructions) {
    if (instruction.name === "FROM") lintFrom(instruction, warn);
    if (instruction.name === "MAINTAINER")
      warn(
        "MaintainerDeprecated",
        "Maintainer instruction is deprecated in favor of using label",
        instruction,
      );
  }
  lintStageNames(stages, warn);
  lintCasing(
    stages.flatMap(({ from, instructions }) => [from, ...instructions]),
    warn,
  );
}

function lintContinuation(lines: readonly string[], instruction: Instruction, warn: Warn): void {
  const bodies = instruction.heredocs.reduce((sum, { content }) => sum + content.split("\n").length, 0);
  const line = instruction.endLine - bodies;
  const inside = lines.slice(instruction.line, line);
  if (inside.some((text) => text.trim() === ""))
    warn("NoEmptyContinuation", "Empty continuation line", { line, endLine: line });
}

function lintFrom(from: Instruction, warn: Warn): void {
  const { keyword } = from;
  const [, as, name] = from.args.split(/\s+/);
  if (as === undefined || name === undefined) return;
  if (name !== name.toLowerCase()) warn("StageNameCasing", `Stage name '${name}' should be lowercase`, from);
  const isLower = keyword === keyword.toLowerCase();
  if (as !== (isLower ? as.toLowerCase() : as.toUpperCase()))
    warn("FromAsCasing", `'${as}' and '${keyword}' keywords' casing do not match`, from);
}

function lintStageNames(stages: readonly Stage[], warn: Warn): void {
  const seen = new Set<string>();
  for (const { name, from } of stages) {
    if (name === undefined) continue;
    if (RESERVED.includes(name))
      warn("ReservedStageName", `Stage name should not use the same name as reserved stage "${name}"`, from);
    if (seen.has(name))
      warn("DuplicateStageName", `Duplicate stage name "${name}", stage names should be unique`, from);
    seen.add(name);
  }
}

function lintCasing(instructions: readonly Instruction[], warn: Warn): void {
  const written = (change: (keyword: string) => string) =>
    instructions.filter(({ keyword }) => keyword === change(keyword)).length;
  const toLower = (keyword: string) => keyword.toLowerCase();
  const toUpper = (keyword: string) => keyword.toUpperCase();
  const isLower = written(toLower) > written(toUpper);
  for (const instruction of instructions) {
    const { keyword } = instruction;
    if (keyword !== (isLower ? toLower(keyword) : toUpper(keyword)))
      warn(
        "ConsistentInstructionCasing",
        `Command '${keyword}' should match the case of the command majority (${isLower ? "lowercase" : "uppercase"})`,
        instruction,
      );
  }
}
