import { readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import dockerIgnore from "@balena/dockerignore";
import { leadsOut } from "../../lib/leads-out.ts";
import type { WatchRule } from "../../spec/index.ts";

/** What editors and version control leave about: never worth an action. */
const NOISE = [
  "**/.git",
  "**/.hg",
  "**/.svn",
  "**/*~",
  "**/*.swp",
  "**/*.swx",
  "**/.#*",
  "**/4913",
  "**/.DS_Store",
];

export interface WatchFilter {
  /** Whether a changed file is the rule's business: below its path, not ignored, and included where it says what is. */
  readonly isWanted: (path: string) => boolean;
  /** Whether a folder below its path is ignored with all that is or may be in it. */
  readonly isLeftOut: (folder: string) => boolean;
}

export function watchFilter(rule: WatchRule, buildContext: string | undefined): WatchFilter {
  const ignores = [ignoring(rule.path, [...NOISE, ...(rule.ignore ?? [])])];
  if (buildContext !== undefined) ignores.push(ignoring(buildContext, readDockerIgnore(buildContext)));
  const included =
    rule.include === undefined || rule.include.length === 0
      ? undefined
      : dockerIgnore.default().add([...rule.include]);
  return {
    isWanted: (path) => {
      const inside = relative(rule.path, path);
      if (leadsOut(inside) || ignores.some(({ isIgnored }) => isIgnored(path))) return false;
      // The rule's path may be a file of its own.
      return included === undefined || inside === "" || included.ignores(inside);
    },
    isLeftOut: (folder) => ignores.some(({ isAllIgnored }) => isAllIgnored(folder)),
  };
}

/** The patterns of an ignore file for what is below `base`; `base` itself they leave. */
function ignoring(base: string, patterns: readonly string[]) {
  const ignore = dockerIgnore.default().add([...patterns]);
  const exceptions = patterns.filter((pattern) => pattern.trim().startsWith("!")).map(plainStart);
  const isIgnored = (path: string) => {
    const inside = relative(base, path);
    return inside !== "" && !leadsOut(inside) && ignore.ignores(inside);
  };
  const isAllIgnored = (folder: string) => {
    if (!isIgnored(folder)) return false;
    const names = relative(base, folder).toLowerCase().split("/");
    return !exceptions.some((start) =>
      start.every((name, at) => names[at] === undefined || names[at] === name),
    );
  };
  return { isIgnored, isAllIgnored };
}

/** The names that an exception (`!docs/*.md`) begins with, up to the first that is a pattern: it matches nothing elsewhere. */
function plainStart(exception: string): readonly string[] {
  const path = posix.normalize(exception.trim().slice(1).trim()).replace(/^\/|\/$/g, "");
  const names = path.toLowerCase().split("/");
  const first = names.findIndex((name) => /[^\p{L}\p{N} ._@~-]/u.test(name));
  return first === -1 ? names : names.slice(0, first);
}

function readDockerIgnore(context: string): readonly string[] {
  try {
    return readFileSync(join(context, ".dockerignore"), "utf8").split(/\r?\n/);
  } catch {
    return [];
  }
}
