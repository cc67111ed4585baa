import { RuntimeError } from "../index.ts";
import { checkTrigger } from "./config-instructions.ts";
import { DockerfileError, parseError } from "./dockerfile-error.ts";
import { parseHealthcheck } from "./healthcheck.ts";
import { parseNameValues, parseTextList, splitWords } from "./name-values.ts";
import type { Dockerfile, Instruction } from "./parse-dockerfile.ts";

type Check = (instruction: Instruction, escapeChar: string) => void;

/** What can be said of an instruction before any variable has a value. */
const CHECKS: Readonly<Record<string, Check>> = {
  ADD: checkCopy,
  ARG: (instruction, escapeChar) => checkNames(atLeastOne(instruction), escapeChar),
  COPY: checkCopy,
  ENV: checkPairs,
  EXPOSE: atLeastOne,
  HEALTHCHECK: ({ args }) => void parseHealthcheck(args),
  LABEL: checkPairs,
  MAINTAINER: exactlyOne,
  ONBUILD: (instruction) => checkTrigger(atLeastOne(instruction).args),
  RUN: checkNetwork,
  SHELL: (instruction) => {
    const shell = parseTextList(atLeastOne(instruction).args);
    if (shell === undefined) throw invalid("SHELL requires the arguments to be in JSON form");
    if (shell.length === 0) throw invalid("SHELL requires at least one argument");
  },
  STOPSIGNAL: exactlyOne,
  USER: exactlyOne,
  VOLUME: (instruction) => {
    if (parseTextList(atLeastOne(instruction).args)?.some((volume) => volume.trim() === ""))
      throw invalid("VOLUME specified can not be an empty string");
  },
  WORKDIR: exactlyOne,
};

/** A form that cannot be is a `DockerfileError`, before anything is done: a build does not find it out after an hour. */
export function checkForms({ instructions, escapeChar }: Dockerfile): void {
  for (const instruction of instructions)
    try {
      CHECKS[instruction.name]?.(instruction, escapeChar);
    } catch (error) {
      if (!(error instanceof RuntimeError) || error instanceof DockerfileError) throw error;
      throw parseError(instruction.line, error.message, instruction.endLine);
    }
}

function atLeastOne(instruction: Instruction): Instruction {
  if (instruction.args === "") throw invalid(`${instruction.name} requires at least one argument`);
  return instruction;
}

function exactlyOne({ name, args }: Instruction): void {
  if (args === "") throw invalid(`${name} requires exactly one argument`);
}

function checkNames({ name, args }: Instruction, escapeChar: string): void {
  if (splitWords(args, escapeChar).some((word) => word.startsWith("=")))
    throw invalid(`${name} names can not be blank`);
}

function checkPairs(instruction: Instruction, escapeChar: string): void {
  checkNames(atLeastOne(instruction), escapeChar);
  try {
    parseNameValues(instruction.name, instruction.args, escapeChar);
  } catch (error) {
    // Docker's reader of lines says this, not that of instructions: it names no line.
    throw error instanceof RuntimeError ? new DockerfileError(error, instruction) : error;
  }
}

function checkCopy({ name, args }: Instruction, escapeChar: string): void {
  const { length } = parseTextList(args) ?? splitWords(args, escapeChar);
  if (length < 2)
    throw invalid(
      `${name} requires at least two arguments, but only one was provided. Destination could not be determined`,
    );
}

function checkNetwork({ flags }: Instruction): void {
  const network = flags.find(({ name }) => name === "network")?.value;
  if (network !== undefined && !/^(?:default|none|host)$/.test(network) && !network.includes("$"))
    throw invalid(`invalid network mode ${JSON.stringify(network)}`);
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}
