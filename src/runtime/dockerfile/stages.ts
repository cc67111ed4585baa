import { RuntimeError } from "../index.ts";
import { parseError } from "./dockerfile-error.ts";
import type { Dockerfile, Instruction } from "./parse-dockerfile.ts";

export interface Stage {
  readonly index: number;
  /** Lower case; of `AS name`. */
  readonly name?: string;
  /** Of FROM, variables not yet resolved. */
  readonly base: string;
  readonly platform?: string;
  readonly from: Instruction;
  readonly instructions: readonly Instruction[];
}

export interface StagedDockerfile {
  /** ARGs before the first FROM. */
  readonly globalArgs: readonly Instruction[];
  readonly stages: readonly Stage[];
  readonly escapeChar: string;
}

export function splitStages({ instructions, escapeChar }: Dockerfile): StagedDockerfile {
  const globalArgs: Instruction[] = [];
  const stages: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.name === "FROM")
      stages.push({ ...parseFrom(instruction, stages.length), instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.name === "ARG") globalArgs.push(instruction);
    else throw parseError(instruction.line, "no build stage in current context");
  }
  if (stages.length === 0) throw new RuntimeError("invalid", "dockerfile contains no stages to build");
  return { globalArgs, stages, escapeChar };
}

function parseFrom(from: Instruction, index: number): Omit<Stage, "instructions"> {
  const words = from.args.split(/\s+/).filter((word) => word !== "");
  const [base, as, name] = words;
  const isNamed = words.length === 3 && as?.toUpperCase() === "AS";
  if (base === undefined || !(words.length === 1 || isNamed))
    throw parseError(from.line, "FROM requires either one or three arguments");
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/i.test(name))
    throw parseError(
      from.line,
      `invalid name for build stage: "${name}", name can't start with a number or contain symbols`,
    );
  const platform = from.flags.find((flag) => flag.name === "platform")?.value;
  return {
    index,
    base,
    from,
    ...(name === undefined ? {} : { name: name.toLowerCase() }),
    ...(platform === undefined ? {} : { platform }),
  };
}

/** By name or number among the stages before `limit`; the last of equal names. */
export function findStage(
  stages: readonly Stage[],
  reference: string,
  limit = stages.length,
): Stage | undefined {
  const earlier = stages.slice(0, limit);
  const byName = earlier.findLast((stage) => stage.name === reference.toLowerCase());
  return byName ?? (/^\d+$/.test(reference) ? earlier[Number(reference)] : undefined);
}

/** The stage a build ends with. */
export function targetStage(stages: readonly Stage[], target: string | undefined): Stage {
  const found = target === undefined || target === "" ? stages.at(-1) : findStage(stages, target);
  if (found === undefined) throw new RuntimeError("invalid", `target stage "${target}" could not be found`);
  return found;
}
