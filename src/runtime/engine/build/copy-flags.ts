import { posix } from "node:path";
import { expandWord, type Heredoc, parseTextList, splitWords } from "../../dockerfile/index.ts";
import { RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import { userFiles } from "../containers/user-files.ts";
import { lookUpUser } from "../containers/user-lookup.ts";
import type { Step } from "./build-session.ts";
import { checkMode } from "./file-mode.ts";
import { wordsOf } from "./stage-state.ts";
import type { Owner } from "./tree-job.ts";

/** The arguments of COPY or ADD, variables resolved. */
export interface CopyRequest {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  /** Files written in the Dockerfile itself. */
  readonly inline: readonly { readonly name: string; readonly content: string }[];
  /** Absolute. */
  readonly target: string;
  readonly isFolder: boolean;
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
  readonly keepsParents: boolean;
  readonly exclude: readonly string[];
  readonly checksum: string | undefined;
  readonly unpack: boolean | undefined;
  readonly keepsGitDir: boolean;
}

export function parseCopy(step: Step): CopyRequest {
  const { instruction, state, session } = step;
  const words = wordsOf(state, session.file.escapeChar);
  const flag = (name: string) => instruction.flags.findLast((candidate) => candidate.name === name)?.value;
  const value = (name: string) => {
    const raw = flag(name);
    return raw === undefined ? undefined : expandWord(raw, words);
  };
  const list = (parseTextList(instruction.args) ?? splitWords(instruction.args, words.escape)).slice();
  const target = list.length < 2 ? undefined : expandWord(list.at(-1) ?? "", words);
  if (target === undefined)
    throw new RuntimeError(
      "invalid",
      `${instruction.name} requires at least two arguments, but only ${list.length} ${list.length === 1 ? "was" : "were"} provided`,
    );
  const sources = list.slice(0, -1);
  const chmod = value("chmod");
  if (chmod !== undefined) checkMode(chmod);
  return {
    from: value("from"),
    sources: sources.filter((word) => !isHeredoc(word)).map((word) => expandWord(word, words)),
    inline: instruction.heredocs.map((heredoc) => inlineFile(heredoc, step)),
    target: posix.resolve("/", state.config.workingDir ?? "/", target),
    isFolder: /(?:^|\/)\.?$/.test(target),
    chown: value("chown"),
    chmod,
    keepsParents: isOn(flag("parents")),
    exclude: instruction.flags.flatMap((one) =>
      one.name === "exclude" ? [expandWord(one.value, words)] : [],
    ),
    checksum: value("checksum"),
    unpack: flag("unpack") === undefined ? undefined : isOn(flag("unpack")),
    keepsGitDir: isOn(flag("keep-git-dir")),
  };
}

function isOn(value: string | undefined): boolean {
  return value !== undefined && !/^(?:0|f|false)$/i.test(value);
}

function isHeredoc(word: string): boolean {
  return /^<<-?["']?[\w.-]+["']?$/.test(word);
}

/** Variables are resolved, quotes are text. */
function inlineFile({ name, content, isExpanded }: Heredoc, { state, session }: Step) {
  if (!isExpanded) return { name, content };
  const words = wordsOf(state, session.file.escapeChar);
  const quoted = content.replace(/["']/g, `${words.escape}$&`);
  return { name, content: expandWord(quoted, words) };
}

/** `--chown`: names are those of the image. A number alone is the group's too. */
export function ownerOf(chown: string | undefined, rootDir: string): Owner | undefined {
  if (chown === undefined || chown === "") return undefined;
  using root = new ContainerRoot(rootDir);
  const isNumberAlone = /^\d+$/.test(chown);
  const { uid, gid } = lookUpUser({
    user: isNumberAlone ? `${chown}:${chown}` : chown,
    groupAdd: [],
    ...userFiles(root),
  });
  return { uid, gid };
}
