import { posix } from "node:path";
import { compact } from "../../lib/compact.ts";
import { type ImageDefaults, RuntimeError } from "../index.ts";
import { portsOf } from "./exposed-ports.ts";
import { parseHealthcheck } from "./healthcheck.ts";
import { parseNameValues, parseTextList } from "./name-values.ts";
import type { Heredoc } from "./parse-dockerfile.ts";
import { expandWord, expandWords, type WordOptions } from "./shell-words.ts";
import { parseStopSignal } from "./stop-signal.ts";

/** What instructions that only touch the configuration change. */
export interface ConfigState {
  readonly config: ImageDefaults;
  readonly author?: string;
  /** A CMD of this build, not of the parent image: ENTRYPOINT leaves it alone. */
  readonly hasOwnCmd?: boolean;
}

export const DEFAULT_SHELL: readonly string[] = ["/bin/sh", "-c"];

type Apply = (
  state: ConfigState,
  args: string,
  words: WordOptions,
  heredocs: readonly Heredoc[],
) => ConfigState;

/** By name in capitals; each turns a configuration into the next. Arguments are the raw rest of the line. */
const INSTRUCTIONS: Readonly<Record<string, Apply>> = {
  CMD: (state, args) => ({
    ...withConfig(state, { cmd: commandOf(state.config, args) }),
    hasOwnCmd: true,
  }),
  ENTRYPOINT: (state, args) => {
    const entrypoint = args.trim() === "" ? undefined : commandOf(state.config, args);
    return withConfig(state, state.hasOwnCmd ? { entrypoint } : { entrypoint, cmd: undefined });
  },
  ENV: (state, args, words) => {
    let env = state.config.env ?? [];
    for (const [name, value] of parseNameValues("ENV", args, words.escape))
      env = withEnv(env, expandWord(name, words), expandWord(value, words));
    return withConfig(state, { env });
  },
  EXPOSE: (state, args, words) => {
    const ports = expandWords(required("EXPOSE", args), words).flatMap(portsOf);
    return withConfig(state, { exposedPorts: sortedSet(state.config.exposedPorts, ports) });
  },
  LABEL: (state, args, words) => {
    const pairs = parseNameValues("LABEL", args, words.escape).map(
      ([name, value]) => [expandWord(name, words), expandWord(value, words)] as const,
    );
    return withConfig(state, { labels: { ...state.config.labels, ...Object.fromEntries(pairs) } });
  },
  MAINTAINER: (state, args) => ({ ...state, author: required("MAINTAINER", args) }),
  ONBUILD: (state, args, _words, heredocs) => {
    const line = required("ONBUILD", args);
    checkTrigger(line);
    const text = [line, ...heredocs.map(({ name, content }) => `${content}${name}`)].join("\n");
    return withConfig(state, { onBuild: [...(state.config.onBuild ?? []), text] });
  },
  SHELL: (state, args) => {
    const shell = parseTextList(args);
    if (shell === undefined || shell.length === 0)
      throw invalid("SHELL requires the arguments to be in JSON form");
    return withConfig(state, { shell });
  },
  STOPSIGNAL: (state, args, words) =>
    withConfig(state, { stopSignal: parseStopSignal(expandWord(required("STOPSIGNAL", args), words)) }),
  USER: (state, args, words) => withConfig(state, { user: expandWord(required("USER", args), words) }),
  VOLUME: (state, args, words) => {
    const raw = parseTextList(args) ?? required("VOLUME", args).split(/\s+/);
    const volumes = raw.map((volume) => expandWord(volume, words).trim());
    if (volumes.length === 0 || volumes.includes(""))
      throw invalid("VOLUME specified can not be an empty string");
    return withConfig(state, { volumes: sortedSet(state.config.volumes, volumes) });
  },
  WORKDIR: (state, args, words) => {
    const path = expandWord(required("WORKDIR", args), words);
    return withConfig(state, { workingDir: posix.resolve("/", state.config.workingDir ?? "/", path) });
  },
  HEALTHCHECK: (state, args) => withConfig(state, { healthcheck: parseHealthcheck(args) }),
};

/** What ONBUILD may keep for later. */
export function checkTrigger(text: string): void {
  const name = /^\S+/.exec(text)?.[0].toUpperCase();
  if (name === "ONBUILD") throw invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (name === "FROM" || name === "MAINTAINER") throw invalid(`${name} isn't allowed as an ONBUILD trigger`);
}

/** Whether an instruction only touches the configuration. */
export function isConfigInstruction(name: string): boolean {
  return Object.hasOwn(INSTRUCTIONS, name);
}

export function applyConfigInstruction(
  state: ConfigState,
  instruction: { readonly name: string; readonly args: string; readonly heredocs?: readonly Heredoc[] },
  words: WordOptions,
): ConfigState {
  const apply = isConfigInstruction(instruction.name) ? INSTRUCTIONS[instruction.name] : undefined;
  if (apply === undefined) throw invalid(`unknown instruction: ${instruction.name}`);
  return apply(state, instruction.args, words, instruction.heredocs ?? []);
}

/** `--change` of commit and import: instructions, one a text. */
export function applyChanges(config: ImageDefaults, changes: readonly string[]): ConfigState {
  let state: ConfigState = { config };
  for (const change of changes.filter((text) => text.trim() !== "")) {
    const [, name = "", args = ""] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(change) ?? [];
    const upper = name.toUpperCase();
    if (!isConfigInstruction(upper) || upper === "MAINTAINER" || upper === "SHELL")
      throw invalid(`${name} is not a valid change command`);
    const env = envMap(state.config.env);
    const words: WordOptions = { escape: "\\", variable: (variable) => env.get(variable) };
    state = applyConfigInstruction(state, { name: upper, args }, words);
  }
  return state;
}

export function envMap(env: readonly string[] | undefined): ReadonlyMap<string, string> {
  return new Map(
    (env ?? []).map((pair) => {
      const equals = pair.indexOf("=");
      return equals === -1
        ? ([pair, ""] as const)
        : ([pair.slice(0, equals), pair.slice(equals + 1)] as const);
    }),
  );
}

/** The exec form as it is; anything else is run by the shell. */
export function commandOf(config: ImageDefaults, args: string): readonly string[] {
  return parseTextList(args) ?? [...(config.shell ?? DEFAULT_SHELL), args.trim()];
}

function withConfig(
  state: ConfigState,
  change: { readonly [K in keyof ImageDefaults]?: ImageDefaults[K] | undefined },
): ConfigState {
  return { ...state, config: compact<ImageDefaults>({ ...state.config, ...change }) };
}

function withEnv(env: readonly string[], name: string, value: string): readonly string[] {
  const index = env.findIndex((pair) => pair.startsWith(`${name}=`));
  const pair = `${name}=${value}`;
  return index === -1 ? [...env, pair] : env.with(index, pair);
}

function sortedSet(present: readonly string[] | undefined, added: readonly string[]): readonly string[] {
  return [...new Set([...(present ?? []), ...added])].sort();
}

function required(name: string, args: string): string {
  const text = args.trim();
  if (text === "") throw invalid(`${name} requires exactly one argument`);
  return text;
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}
