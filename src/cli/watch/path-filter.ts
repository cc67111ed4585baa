import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
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

/** Whether a changed file is the rule's business: below its path, not ignored, and included where it says what is. */
export function watchFilter(rule: WatchRule, buildContext: string | undefined): (path: string) => boolean {
  const ignored = dockerIgnore.default().add([...NOISE, ...(rule.ignore ?? [])]);
  const byBuild = buildContext === undefined ? undefined : readDockerIgnore(buildContext);
  const included =
    rule.include === undefined || rule.include.length === 0
      ? undefined
      : dockerIgnore.default().add([...rule.include]);
  return (path) => {
    const inside = relative(rule.path, path);
    if (leadsOut(inside)) return false;
    // The rule's path may be a file of its own.
    const name = inside === "" ? "." : inside;
    if (name !== "." && ignored.ignores(name)) return false;
    if (byBuild?.(path) === true) return false;
    return included === undefined || name === "." || included.ignores(name);
  };
}

function readDockerIgnore(context: string): ((path: string) => boolean) | undefined {
  try {
    const ignore = dockerIgnore.default().add(readFileSync(join(context, ".dockerignore"), "utf8"));
    return (path) => {
      const inside = relative(context, path);
      return inside !== "" && !leadsOut(inside) && ignore.ignores(inside);
    };
  } catch {
    return undefined;
  }
}
