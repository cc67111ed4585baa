import { createHash } from "node:crypto";
import { posix } from "node:path";
import { errorChain } from "../../../lib/log.ts";
import {
  applyConfigInstruction,
  DockerfileError,
  expandWord,
  type Instruction,
  isConfigInstruction,
  parseDockerfile,
  parseError,
  parseNameValues,
  type Stage,
  type WordOptions,
} from "../../dockerfile/index.ts";
import { type BuildStep, RuntimeError } from "../../index.ts";
import { argsOf } from "./build-args.ts";
import type { BuildSession, Step } from "./build-session.ts";
import { configStep, layerStep, type StepOutcome } from "./cached-step.ts";
import { clippedLog } from "./clipped-log.ts";
import { ownerOf } from "./copy-flags.ts";
import { copyStep } from "./copy-step.ts";
import { runStep } from "./run-step.ts";
import { type StageState, wordsOf } from "./stage-state.ts";

/** Where a stage's steps stand among those of the whole build. */
export interface StageNumbers {
  /** Number of its FROM, from 0. */
  readonly first: number;
  /** Of all steps of the build. */
  readonly total: number;
  /** `[builder 2/7]`: how the stage is called; undefined when it is the only one. */
  readonly label: string | undefined;
}

/** Carries out one stage from its FROM to its end. */
export async function buildStage(
  session: BuildSession,
  stage: Stage,
  numbers: StageNumbers,
): Promise<StageState> {
  const reporter = new StepReporter(session, stage, numbers);
  const base = await reporter.run(0, stage.from, async () => ({
    state: await session.base(stage),
    isCached: false,
  }));
  let state = base.state;
  let isBehindMiss = false;
  const perform = async (index: number, instruction: Instruction) => {
    const outcome = await reporter.run(index, instruction, (output) =>
      performStep({ session, stage, instruction, state, isBehindMiss, ...output }),
    );
    state = outcome.state;
    isBehindMiss ||= !outcome.isCached;
  };
  for (const instruction of triggersOf(state, stage)) await perform(0, instruction);
  state = { ...state, config: withoutTriggers(state.config) };
  for (const [index, instruction] of stage.instructions.entries()) await perform(index + 1, instruction);
  return state;
}

function withoutTriggers({ onBuild: _onBuild, ...config }: StageState["config"]): StageState["config"] {
  return config;
}

/** ONBUILD of the base image: done right after FROM. */
function triggersOf(state: StageState, stage: Stage): readonly Instruction[] {
  return (state.config.onBuild ?? []).flatMap((text) =>
    parseDockerfile(text).instructions.map((instruction) => ({
      ...instruction,
      line: stage.from.line,
      endLine: stage.from.endLine,
    })),
  );
}

async function performStep(step: Step): Promise<StepOutcome> {
  const { name } = step.instruction;
  switch (name) {
    case "RUN":
      return runStep(step);
    case "COPY":
    case "ADD":
      return copyStep(step);
    case "ARG":
      return argStep(step);
    case "WORKDIR":
      return workingDirStep(step);
    default:
      if (isConfigInstruction(name)) return plainStep(step);
      throw parseError(step.instruction.line, `unknown instruction: ${name}`);
  }
}

function argStep(step: Step): Promise<StepOutcome> {
  const { state, session, instruction } = step;
  const args = new Map(state.args);
  const given = session.options.buildArgs ?? {};
  for (const { name, value } of argsOf(instruction, wordsOf(state, session.file.escapeChar))) {
    const chosen = Object.hasOwn(given, name) ? given[name] : (value ?? session.globalArgs.get(name));
    args.set(name, chosen);
  }
  return configStep(step, { args }, `/bin/sh -c #(nop)  ${instruction.text}`);
}

function plainStep(step: Step): Promise<StepOutcome> {
  const { state, session, instruction } = step;
  const words = wordsOf(state, session.file.escapeChar);
  const next = applyConfigInstruction(state, instruction, words);
  const args = instruction.name === "ENV" ? withoutHidden(state.args, instruction, words) : state.args;
  return configStep(step, { ...next, args }, `/bin/sh -c #(nop)  ${instruction.text}`);
}

/** An ARG is not seen any more behind an ENV of its name. */
function withoutHidden(
  args: StageState["args"],
  instruction: Instruction,
  words: WordOptions,
): StageState["args"] {
  const pairs = parseNameValues(instruction.name, instruction.args, words.escape);
  const names = new Set(pairs.map(([name]) => expandWord(name, words)));
  return new Map([...args].filter(([name]) => !names.has(name)));
}

/** WORKDIR also makes the folder, for the USER so far. */
async function workingDirStep(step: Step): Promise<StepOutcome> {
  const { state, session, instruction } = step;
  const { config } = applyConfigInstruction(state, instruction, wordsOf(state, session.file.escapeChar));
  const path = posix.resolve("/", config.workingDir ?? "/");
  const outcome = await layerStep(step, {
    keys: [() => (config.user === undefined ? ["workdir", path] : ["workdir", path, config.user])],
    createdBy: `/bin/sh -c #(nop) WORKDIR ${path}`,
    perform: (rootfs) => {
      const owner = ownerOf(config.user, rootfs.merged) ?? { uid: 0, gid: 0 };
      return session.trees.run({ kind: "make-folder", rootDir: rootfs.merged, path, owner });
    },
  });
  return { ...outcome, state: { ...outcome.state, config } };
}

/** Tells of steps as they happen: as the classic builder's text, and as data. */
class StepReporter {
  readonly #session: BuildSession;
  readonly #stage: Stage;
  readonly #numbers: StageNumbers;
  #lastDigest: string | undefined;

  constructor(session: BuildSession, stage: Stage, numbers: StageNumbers) {
    this.#session = session;
    this.#stage = stage;
    this.#numbers = numbers;
  }

  async run(
    index: number,
    instruction: Instruction,
    action: (output: Pick<Step, "print" | "printBytes">) => Promise<StepOutcome>,
  ): Promise<StepOutcome> {
    const { output, options } = this.#session;
    const number = this.#numbers.first + index;
    const print = (text: string, stream: "stdout" | "stderr" = "stdout") =>
      output.write(number, text, stream);
    const step = this.#describe(index, instruction);
    const startedAt = new Date();
    options.onStep?.({ ...step, startedAt });
    print(`Step ${number + 1}/${this.#numbers.total} : ${instruction.text}`);
    print("\n");
    const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
    const printBytes = clippedLog((data, stream) => {
      print(decoders[stream].decode(data, { stream: true }), stream);
      options.onStep?.({ ...step, startedAt, log: { data, stream } });
    });
    try {
      const outcome = await action({ print, printBytes });
      if (outcome.isCached) print(" ---> Using cache\n");
      print(` ---> ${shortState(outcome.state)}\n`);
      options.onStep?.({ ...step, startedAt, completedAt: new Date(), isCached: outcome.isCached });
      output.end(number);
      return outcome;
    } catch (error) {
      options.onStep?.({ ...step, startedAt, completedAt: new Date(), error: errorChain(error) });
      throw located(error, instruction);
    }
  }

  #describe(index: number, instruction: Instruction): Pick<BuildStep, "digest" | "name" | "inputs"> {
    const { label } = this.#numbers;
    const count = this.#stage.instructions.length + 1;
    const place = `${label === undefined ? "" : `${label} `}${index + 1}/${count}`;
    const inputs = this.#lastDigest === undefined ? [] : [this.#lastDigest];
    const digest = `sha256:${createHash("sha256").update(`${inputs}\0${place}\0${instruction.text}`).digest("hex")}`;
    this.#lastDigest = digest;
    return { digest, name: `[${place}] ${instruction.text}`, inputs };
  }
}

/** Stands for the image that the classic builder would have made of the step. */
function shortState(state: StageState): string {
  return createHash("sha256")
    .update(JSON.stringify([state.chainId, state.config, [...state.args], state.created]))
    .digest("hex")
    .slice(0, 12);
}

function located(error: unknown, instruction: Instruction): unknown {
  return error instanceof RuntimeError && !(error instanceof DockerfileError) && error.kind !== "cancelled"
    ? new DockerfileError(error, instruction)
    : error;
}
