import { RuntimeError } from "../../index.ts";
import { DockerfileError } from "../dockerfile-error.ts";
import { splitPort } from "../exposed-ports.ts";
import { parseNameValues, parseTextList, splitWords } from "../name-values.ts";
import type { Instruction } from "../parse-dockerfile.ts";
import type { Stage } from "../stages.ts";
import { Names } from "./names.ts";
import type { Warn } from "./rules.ts";

/** What the next instruction finds; a stage built on another begins with the other's. */
export interface StageFacts {
  /** Undefined where the base image is not here to look at: then no variable is said to be missing. */
  readonly env: ReadonlyMap<string, string> | undefined;
  /** Declared by ARG. */
  readonly args: ReadonlySet<string>;
  readonly hasWorkdir: boolean;
  readonly hasShell: boolean;
}

const ONCE: ReadonlySet<string> = new Set(["CMD", "ENTRYPOINT", "HEALTHCHECK"]);
const EXPANDED: ReadonlySet<string> = new Set([
  "ADD",
  "ARG",
  "COPY",
  "ENV",
  "EXPOSE",
  "LABEL",
  "STOPSIGNAL",
  "USER",
  "VOLUME",
  "WORKDIR",
]);
const SECRET = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const NO_SECRET = /(?:_|^)public(?:_|$)/i;

export interface StageRules {
  /** Values of the ARGs before the first FROM. */
  readonly globals: ReadonlyMap<string, string>;
  readonly escapeChar: string;
  readonly warn: Warn;
}

/** Goes over a stage's instructions in order. */
export function lintStage(stage: Stage, begin: StageFacts, rules: StageRules): StageFacts {
  const lint = new StageLint(begin, rules);
  for (const instruction of stage.instructions) inLines(instruction, () => lint.take(instruction));
  return lint.facts;
}

function hasPairs({ name }: Instruction): boolean {
  return name === "ENV" || name === "LABEL";
}

function inLines(instruction: Instruction, work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    throw new DockerfileError(error, instruction);
  }
}

class StageLint {
  readonly #rules: StageRules;
  readonly #hasEnv: boolean;
  readonly #env: Map<string, string>;
  readonly #args: Set<string>;
  readonly #seen = new Map<string, Instruction>();
  #hasWorkdir: boolean;
  #hasShell: boolean;

  constructor({ env, args, hasWorkdir, hasShell }: StageFacts, rules: StageRules) {
    this.#rules = rules;
    this.#hasEnv = env !== undefined;
    this.#env = new Map(env);
    this.#args = new Set(args);
    this.#hasWorkdir = hasWorkdir;
    this.#hasShell = hasShell;
  }

  get facts(): StageFacts {
    return {
      env: this.#hasEnv ? this.#env : undefined,
      args: this.#args,
      hasWorkdir: this.#hasWorkdir,
      hasShell: this.#hasShell,
    };
  }

  take(instruction: Instruction): void {
    const { name } = instruction;
    if (this.#hasEnv) this.#takeVariables(instruction);
    if (ONCE.has(name)) this.#takeOnly(instruction);
    if (name === "WORKDIR") this.#takeWorkdir(instruction);
    if (name === "SHELL") this.#hasShell = true;
    if (name === "CMD" || name === "ENTRYPOINT") this.#takeCommand(instruction);
    if (name === "EXPOSE") lintPorts(instruction, this.#names(), this.#rules.warn);
    if (hasPairs(instruction)) this.#takePairs(instruction);
    if (name === "ARG") this.#takeArgs(instruction);
  }

  #names(): Names {
    return new Names(this.#env, this.#rules.escapeChar);
  }

  #takeVariables(instruction: Instruction): void {
    const names = this.#names();
    for (const { name, value } of instruction.flags)
      if (instruction.name !== "RUN" || name === "mount") names.expand(value);
    if (EXPANDED.has(instruction.name))
      for (const text of parseTextList(instruction.args) ?? [instruction.args]) names.expand(text);
    for (const name of names.unknown)
      if (!this.#args.has(name))
        this.#rules.warn(
          "UndefinedVar",
          `Usage of undefined variable '$${name}'${names.hint(name, "$")}`,
          instruction,
        );
  }

  #takeOnly(instruction: Instruction): void {
    const { name, keyword } = instruction;
    const before = this.#seen.get(name);
    if (before !== undefined)
      this.#rules.warn(
        "MultipleInstructionsDisallowed",
        `Multiple ${keyword} instructions should not be used in the same stage because only the last one will be used`,
        before,
      );
    this.#seen.set(name, instruction);
  }

  #takeWorkdir(instruction: Instruction): void {
    const path = this.#names().expand(instruction.args);
    if (!this.#hasWorkdir && !path.startsWith("/"))
      this.#rules.warn(
        "WorkdirRelativePath",
        `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`,
        instruction,
      );
    this.#hasWorkdir = true;
  }

  #takeCommand(instruction: Instruction): void {
    if (this.#hasShell || parseTextList(instruction.args) !== undefined) return;
    this.#rules.warn(
      "JSONArgsRecommended",
      `JSON arguments recommended for ${instruction.keyword} to prevent unintended behavior related to OS signals`,
      instruction,
    );
  }

  #takePairs(instruction: Instruction): void {
    const { name, keyword, args } = instruction;
    const { escapeChar, warn } = this.#rules;
    const pairs = parseNameValues(name, args, escapeChar);
    if (splitWords(args, escapeChar)[0]?.includes("=") === false)
      warn(
        "LegacyKeyValueFormat",
        `"${keyword} key=value" should be used instead of legacy "${keyword} key value" format`,
        instruction,
      );
    if (name === "LABEL") return;
    const names = this.#names();
    for (const [key] of pairs) lintSecret("ENV", key, instruction, warn);
    // All of one ENV see what was set before it.
    const values = pairs.map(([key, value]) => [names.expand(key), names.expand(value)] as const);
    for (const [key, value] of values) this.#env.set(key, value);
  }

  #takeArgs(instruction: Instruction): void {
    const { globals, escapeChar, warn } = this.#rules;
    for (const word of splitWords(instruction.args, escapeChar)) {
      const [key = "", ...rest] = word.split("=");
      lintSecret("ARG", key, instruction, warn);
      this.#args.add(key);
      const value = rest.length > 0 ? this.#names().expand(rest.join("=")) : globals.get(key);
      if (value !== undefined && !this.#env.has(key)) this.#env.set(key, value);
    }
  }
}

function lintPorts(instruction: Instruction, names: Names, warn: Warn): void {
  for (const port of names.expand(instruction.args).split(/\s+/).sort()) {
    const { ip, hostPort, protocol } = splitPort(port);
    if (protocol !== protocol.toLowerCase())
      warn(
        "ExposeProtoCasing",
        `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
        instruction,
      );
    if (ip !== "" || hostPort !== "")
      warn(
        "ExposeInvalidFormat",
        `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
        instruction,
      );
  }
}

function lintSecret(instruction: string, key: string, lines: Instruction, warn: Warn): void {
  if (SECRET.test(key) && !NO_SECRET.test(key))
    warn(
      "SecretsUsedInArgOrEnv",
      `Do not use ARG or ENV instructions for sensitive data (${instruction} "${key}")`,
      lines,
    );
}
