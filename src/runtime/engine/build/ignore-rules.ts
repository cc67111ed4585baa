import { ANY, type GlobPart, globParts, matcherOf, SLASH } from "../../../lib/glob-match.ts";
import { RuntimeError } from "../../index.ts";

/** Which paths of a context are left out. */
export interface IgnoreRules {
  ignores(path: string): boolean;
  /** Whether something inside an ignored folder may be wanted again (`!pattern`). */
  readonly hasExceptions: boolean;
}

interface Rule {
  matches(path: string): boolean;
  readonly isException: boolean;
}

/**
 * The text of a `.dockerignore` (https://docs.docker.com/build/concepts/context/#dockerignore-files): a pattern
 * also covers what lies in the folders it matches, the last one that matches decides, `!` makes exceptions.
 */
export function ignoreRules(text: string): IgnoreRules {
  const rules = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("#"))
    .flatMap(ruleOf);
  return {
    ignores: (path) => isIgnored(rules, path),
    hasExceptions: rules.some((rule) => rule.isException),
  };
}

export function joinRules(rules: readonly IgnoreRules[]): IgnoreRules {
  return {
    ignores: (path) => rules.some((rule) => rule.ignores(path)),
    hasExceptions: rules.some((rule) => rule.hasExceptions),
  };
}

function isIgnored(rules: readonly Rule[], path: string): boolean {
  if (path === "" || rules.length === 0) return false;
  let result = false;
  for (const { matches, isException } of rules) {
    if (result === isException && matches(path)) result = !isException;
  }
  return result;
}

function ruleOf(line: string): readonly Rule[] {
  const text = line.trim();
  const isException = text.startsWith("!");
  const parts = text
    .slice(isException ? 1 : 0)
    .trim()
    .split("/")
    .filter((part) => part !== "" && part !== ".");
  if (parts.length === 0) return [];
  try {
    // Itself, or anything inside it.
    return [
      { matches: matcherOf([...partsOf(parts), { kind: "maybe", length: 2 }, SLASH, ANY]), isException },
    ];
  } catch (cause) {
    throw new RuntimeError("invalid", `Cannot read .dockerignore: ${JSON.stringify(line)} is no pattern`, {
      cause,
    });
  }
}

/** `**` stands for any number of folders, none included. */
function partsOf(names: readonly string[]): readonly GlobPart[] {
  return names.flatMap((name, index): readonly GlobPart[] => {
    const isLast = index === names.length - 1;
    if (name === "**") return isLast ? [ANY] : [{ kind: "maybe", length: 2 }, ANY, SLASH];
    const parts = name.split("**").flatMap((piece, at) => [...(at === 0 ? [] : [ANY]), ...globParts(piece)]);
    return isLast ? parts : [...parts, SLASH];
  });
}
