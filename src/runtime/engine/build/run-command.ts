import { commandOf, type Heredoc, type Instruction, parseTextList } from "../../dockerfile/index.ts";
import { RuntimeError } from "../../index.ts";
import type { Step } from "./build-session.ts";

export interface RunCommand {
  readonly command: readonly string[];
  /** A heredoc with a `#!` line: a file to run. */
  readonly script?: { readonly name: string; readonly content: string };
}

/** What a RUN runs: exec form, a shell's text, or a heredoc as a script. */
export function runCommand({ state, instruction }: Step): RunCommand {
  const { args, heredocs } = instruction;
  if (args.trim() === "") throw new RuntimeError("invalid", "RUN requires at least one argument");
  const list = parseTextList(args);
  if (list !== undefined) {
    if (list.length === 0) throw new RuntimeError("invalid", "RUN requires at least one argument");
    return { command: list };
  }
  const only = heredocs[0];
  if (only === undefined) return { command: commandOf(state.config, args) };
  if (/^<<-?["']?[\w.-]+["']?$/.test(args.trim())) return scriptCommand(state.config, only);
  // The shell reads its own heredocs.
  return { command: commandOf(state.config, `${args}\n${heredocText(instruction)}`) };
}

function scriptCommand(config: Parameters<typeof commandOf>[0], { name, content }: Heredoc): RunCommand {
  if (!content.startsWith("#!")) return { command: commandOf(config, content) };
  return { command: [`/dev/pipes/${name}`], script: { name, content } };
}

function heredocText({ heredocs }: Instruction): string {
  return heredocs.map(({ name, content }) => `${content}${name}\n`).join("");
}
