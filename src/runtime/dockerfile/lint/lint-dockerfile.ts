import { RuntimeError } from "../../index.ts";
import { checkForms } from "../check-forms.ts";
import { parseDockerfile } from "../parse-dockerfile.ts";
import { reachableStages } from "../reachable-stages.ts";
import { findStage, type Stage, type StagedDockerfile, splitStages } from "../stages.ts";
import { checkOptions } from "./check-options.ts";
import { type Bases, lintBases } from "./lint-bases.ts";
import { lintStage, type StageFacts } from "./lint-stage.ts";
import { lintText } from "./lint-text.ts";
import type { LintWarning, Warn } from "./rules.ts";

export interface LintRequest {
  readonly text: string;
  /** The file's, for messages. */
  readonly name: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  /** Absent: every stage is looked at, else those that it needs. */
  readonly target?: string | undefined;
  /** `os/architecture`, of the build. */
  readonly platform: string;
  /** The variables of a base image, `NAME=value`; undefined when it is not here. */
  readonly envOf: (image: string) => Promise<readonly string[] | undefined>;
}

export interface LintReport {
  readonly warnings: readonly LintWarning[];
  /** Why the file cannot be built at all, or that `check=error=true` makes an error of the warnings. */
  readonly error?: RuntimeError;
}

/** Characters: what is longer was written by no person, and rules go back and forth in it. */
const MAX_TEXT = 128 * 1024;

/** Holds a Dockerfile against BuildKit's rules, but for those it has as experiments. */
export async function lintDockerfile(request: LintRequest): Promise<LintReport> {
  const warnings: LintWarning[] = [];
  try {
    const { text, name, buildArgs = {}, platform } = request;
    if (text.length > MAX_TEXT) return { warnings };
    const options = checkOptions(text, buildArgs["BUILDKIT_DOCKERFILE_CHECK"]);
    const warn: Warn = (rule, detail, { line, endLine }) => {
      if (!options.skipsAll && !options.skipped.has(rule))
        warnings.push({ rule, detail, lines: { line, endLine } });
    };
    const parsed = parseDockerfile(text, name);
    const file = splitStages(parsed);
    checkForms(parsed);
    lintText(text, parsed, file.stages, warn);
    const bases = lintBases(file, buildArgs, platform, warn);
    await lintStages(file, bases, request, warn);
    const names = [...new Set(warnings.map(({ rule }) => rule))].sort();
    if (!options.isError || names.length === 0) return { warnings };
    const message = `lint violation found for rules: ${names.join(", ")}`;
    return { warnings, error: new RuntimeError("invalid", message) };
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    return { warnings, error };
  }
}

async function lintStages(
  file: StagedDockerfile,
  { globals, names }: Bases,
  { target, envOf }: LintRequest,
  warn: Warn,
): Promise<void> {
  const wanted = target === undefined ? file.stages : reachableStages(file, names, target);
  const facts = new Map<Stage, StageFacts>();
  for (const stage of wanted) {
    const base = names[stage.index] ?? "";
    const parent = findStage(file.stages, base, stage.index);
    const begin = (parent && facts.get(parent)) ?? {
      env: await baseEnv(base, envOf),
      args: new Set<string>(),
      hasWorkdir: false,
      hasShell: false,
    };
    facts.set(stage, lintStage(stage, begin, { globals, escapeChar: file.escapeChar, warn }));
  }
}

export async function baseEnv(
  base: string,
  envOf: LintRequest["envOf"],
): Promise<ReadonlyMap<string, string> | undefined> {
  const env = base === "scratch" ? [] : await envOf(base);
  return env && new Map(env.map((pair) => [pair.split("=", 1)[0] ?? "", pair.slice(pair.indexOf("=") + 1)]));
}
