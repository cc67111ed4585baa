import { posix } from "node:path";
import { parseKeyValues } from "../../lib/key-values.ts";
import { checkForms } from "./check-forms.ts";
import type { Lines } from "./dockerfile-error.ts";
import { type Bases, lintBases } from "./lint/lint-bases.ts";
import { baseEnv, type LintRequest } from "./lint/lint-dockerfile.ts";
import { Names } from "./lint/names.ts";
import { parseNameValues, splitWords } from "./name-values.ts";
import { type Instruction, linesOf, parseDockerfile } from "./parse-dockerfile.ts";
import { reachableStages } from "./reachable-stages.ts";
import { findStage, type Stage, type StagedDockerfile, splitStages, targetStage } from "./stages.ts";

export interface OutlineArg {
  readonly name: string;
  readonly value: string;
  readonly description: string | undefined;
  readonly lines: Lines;
}

/** A secret, or an SSH agent. */
export interface OutlineMount {
  readonly name: string;
  readonly isRequired: boolean;
  readonly lines: Lines;
}

/** What a target takes from whoever builds it. */
export interface Outline {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly args: readonly OutlineArg[];
  readonly secrets: readonly OutlineMount[];
  readonly ssh: readonly OutlineMount[];
}

export type OutlineRequest = Omit<LintRequest, "target"> & { readonly target: string };

export async function outlineOf(request: OutlineRequest): Promise<Outline> {
  const { text, name, buildArgs = {}, platform, target, envOf } = request;
  const dockerfile = parseDockerfile(text, name);
  const file = splitStages(dockerfile);
  checkForms(dockerfile);
  const stage = targetStage(file.stages, target);
  const bases = lintBases(file, buildArgs, platform, () => {});
  const outline = new StageOutlines(file, bases, { buildArgs, lines: linesOf(text) });
  for (const one of reachableStages(file, bases.names, target)) {
    const base = bases.names[one.index] ?? "";
    const parent = findStage(file.stages, base, one.index);
    outline.take(one, parent ?? (await baseEnv(base, envOf)));
  }
  return {
    name: stage.name,
    description: stage.name === undefined ? undefined : commentOn(linesOf(text), stage.from.line, stage.name),
    ...outline.result(stage),
  };
}

/** The comment right above a line that begins with the name. */
export function commentOn(lines: readonly string[], line: number, name: string): string | undefined {
  const comments: string[] = [];
  for (let at = line - 2; at >= 0 && /^\s*#/.test(lines[at] ?? ""); at -= 1)
    comments.unshift((lines[at] ?? "").replace(/^\s*#\s*/, ""));
  const start = `${name} `.toLowerCase();
  return comments
    .find((comment) => comment.toLowerCase().startsWith(start))
    ?.slice(start.length)
    .trim();
}

interface Taken {
  readonly args: ReadonlyMap<string, OutlineArg>;
  readonly secrets: ReadonlyMap<string, OutlineMount>;
  readonly ssh: ReadonlyMap<string, OutlineMount>;
  readonly env: ReadonlyMap<string, string>;
  /** The stage it is built on. */
  readonly parent: Taken | undefined;
}

type Mounts = Map<string, OutlineMount>;

interface Given {
  readonly buildArgs: Readonly<Record<string, string>>;
  readonly lines: readonly string[];
}

interface GlobalArg extends OutlineArg {
  /** Of the ARGs before it, in its default. */
  readonly uses: ReadonlySet<string>;
}

class StageOutlines {
  readonly #file: StagedDockerfile;
  readonly #bases: Bases;
  readonly #given: Given;
  readonly #globals: ReadonlyMap<string, GlobalArg>;
  readonly #stages = new Map<Stage, Taken>();

  constructor(file: StagedDockerfile, bases: Bases, given: Given) {
    this.#file = file;
    this.#bases = bases;
    this.#given = given;
    this.#globals = this.#globalArgs();
  }

  take(stage: Stage, base: Stage | ReadonlyMap<string, string> | undefined): void {
    const parent = base !== undefined && "from" in base ? this.#stages.get(base) : undefined;
    const [args, secrets, ssh]: [Map<string, OutlineArg>, Mounts, Mounts] = [new Map(), new Map(), new Map()];
    const env = new Map(parent?.env ?? (base !== undefined && "from" in base ? [] : base));
    const expand = (text: string) => this.#names(env).expand(text);
    for (const text of [stage.base, stage.platform ?? ""]) {
      const names = this.#names(this.#bases.globals);
      names.expand(text);
      for (const name of names.known) this.#useGlobal(name, args);
    }
    for (const instruction of stage.instructions) {
      if (instruction.name === "ARG") this.#takeArg(instruction, args, env);
      if (instruction.name === "ENV")
        for (const [key, value] of parseNameValues("ENV", instruction.args, this.#file.escapeChar))
          env.set(expand(key), expand(value));
      for (const flag of instruction.flags.filter(({ name }) => name === "mount"))
        takeMount(instruction, expand(flag.value), { secrets, ssh });
    }
    this.#stages.set(stage, { args, secrets, ssh, env, parent });
  }

  /** What the target itself says of a name goes before what those say that it is built on, then others. */
  result(target: Stage): Pick<Outline, "args" | "secrets" | "ssh"> {
    const line: Taken[] = [];
    for (let one = this.#stages.get(target); one !== undefined; one = one.parent) line.push(one);
    const all = [...line, ...this.#stages.values()];
    return {
      args: joined(all.map(({ args }) => args)),
      secrets: joined(all.map(({ secrets }) => secrets)),
      ssh: joined(all.map(({ ssh }) => ssh)),
    };
  }

  #names(values: ReadonlyMap<string, string>): Names {
    return new Names(values, this.#file.escapeChar);
  }

  #globalArgs(): ReadonlyMap<string, GlobalArg> {
    const found = new Map<string, GlobalArg>();
    for (const instruction of this.#file.globalArgs)
      for (const [name, preset] of argsOf(instruction, this.#file.escapeChar)) {
        const names = this.#names(this.#bases.globals);
        names.expand(preset ?? "");
        const value = this.#bases.globals.get(name) ?? "";
        const isGiven = Object.hasOwn(this.#given.buildArgs, name);
        found.set(name, { ...this.#arg(name, value, instruction), uses: isGiven ? new Set() : names.known });
      }
    return found;
  }

  #arg(name: string, value: string, lines: Instruction): OutlineArg {
    return { name, value, description: commentOn(this.#given.lines, lines.line, name), lines };
  }

  /** With those that its default is made of. */
  #useGlobal(name: string, args: Map<string, OutlineArg>): void {
    const global = this.#globals.get(name);
    if (global === undefined || args.has(name)) return;
    const { uses, ...arg } = global;
    args.set(name, arg);
    for (const used of uses) this.#useGlobal(used, args);
  }

  #takeArg(instruction: Instruction, args: Map<string, OutlineArg>, env: Map<string, string>): void {
    for (const [name, preset] of argsOf(instruction, this.#file.escapeChar)) {
      const given = Object.hasOwn(this.#given.buildArgs, name) ? this.#given.buildArgs[name] : undefined;
      const inherited = this.#bases.globals.get(name);
      if (given === undefined && preset === undefined && inherited !== undefined) {
        env.set(name, inherited);
        this.#useGlobal(name, args);
        continue;
      }
      const value = given ?? (preset === undefined ? undefined : this.#names(env).expand(preset));
      if (value !== undefined) env.set(name, value);
      args.set(name, this.#arg(name, value ?? "", instruction));
    }
  }
}

function argsOf(
  { args }: Instruction,
  escapeChar: string,
): readonly (readonly [name: string, preset: string | undefined])[] {
  return splitWords(args, escapeChar).map((word) => {
    const at = word.indexOf("=");
    return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)];
  });
}

function takeMount(
  lines: Instruction,
  text: string,
  { secrets, ssh }: Readonly<Record<"secrets" | "ssh", Map<string, OutlineMount>>>,
): void {
  const fields = new Map(parseKeyValues(text));
  const first = (...keys: readonly string[]) =>
    keys.map((key) => fields.get(key)).find((value) => value !== undefined);
  const type = first("type")?.toLowerCase();
  const isRequired = fields.has("required") && /^(?:1|t|true)$/i.test(fields.get("required") ?? "true");
  const target = first("target", "dst", "destination");
  const name =
    type === "ssh"
      ? (first("id") ?? "default")
      : (first("source", "src", "id") ?? posix.basename(target ?? ""));
  const known = type === "ssh" ? ssh : type === "secret" ? secrets : undefined;
  if (known?.has(name) === false) known.set(name, { name, isRequired, lines });
}

/** The first of equal names; in the file's order. */
function joined<T extends { readonly lines: Lines }>(maps: readonly ReadonlyMap<string, T>[]): readonly T[] {
  const found = new Map<string, T>();
  for (const [name, value] of maps.flatMap((map) => [...map])) if (!found.has(name)) found.set(name, value);
  return [...found.values()].sort((a, b) => a.lines.line - b.lines.line);
}
