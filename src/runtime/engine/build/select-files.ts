import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { posix } from "node:path";
import { matchesGlob } from "../../../lib/glob-match.ts";
import { RuntimeError } from "../../index.ts";
import type { ContainerRoot } from "../containers/rooted-path.ts";
import { type IgnoreRules, ignoreRules, joinRules } from "./ignore-rules.ts";
import type { Selection, TreeSource } from "./tree-job.ts";

const SLASH = Buffer.from("/");

/** One source of a copy. */
export interface Selected {
  /** On the machine; links in the source are resolved, inside it. */
  readonly path: string | Buffer;
  /** The last part of how it was named. */
  readonly name: Buffer;
  /** The same below the source. */
  readonly insidePath: string;
  /** Below the source, as it was named. */
  readonly relative: string;
  /** The end of that which `--parents` keeps. */
  readonly kept: string;
  /** The folder that `--exclude` is relative to. */
  readonly within: string;
  readonly stat: Stats;
}

/** What is left out of one source of a copy: `--exclude` is relative to the folder that is copied. */
export function rulesWithin({ ignore, exclude = [] }: TreeSource, folder: string): IgnoreRules {
  const { ignores, hasExceptions } = ignoreRules(exclude.join("\n"));
  const start = folder === "" ? 0 : folder.length + 1;
  const within = { ignores: (path: string) => ignores(path.slice(start)), hasExceptions };
  return joinRules([ignoreRules(ignore ?? ""), within]);
}

/** What the patterns mean, in order. `not-found` for a plain path that is missing or ignored. */
export function selectFiles(
  root: ContainerRoot,
  { source, patterns, keepsParents = false }: Selection,
): readonly Selected[] {
  const rules = ignoreRules(source.ignore ?? "");
  const kept = (one: Named, base: string): Selected => {
    const end = base === "" ? one.relative : one.relative.slice(base.length + 1);
    return { ...one, kept: end, within: keepsParents ? base : one.relative };
  };
  return patterns.flatMap((pattern) => {
    const [base, rest] = keepsParents ? splitAtPivot(pattern) : ["", cleaned(pattern)];
    const path = base === "" || rest === "" ? base + rest : `${base}/${rest}`;
    if (!/[*?[\\]/.test(path)) return [kept(named(root, path, pattern, rules), base)];
    const dir = Buffer.from(`${source.dir}/`);
    return basesOf(dir, base).flatMap((from) =>
      expand(dir, rest.split("/"), from, rulesWithin(source, from.toString())).map((found) =>
        kept(matched(root, source.dir, found, rules), from.toString()),
      ),
    );
  });
}

/** `--parents` keeps what comes behind the first `/./`. */
function splitAtPivot(pattern: string): readonly [string, string] {
  const at = pattern.indexOf("/./");
  return at < 0 ? ["", cleaned(pattern)] : [cleaned(pattern.slice(0, at)), cleaned(pattern.slice(at + 2))];
}

function cleaned(pattern: string): string {
  return posix.join("/", pattern).slice(1).replace(/\/$/, "");
}

/** The folders that a pattern's part in front of its pivot means. */
function basesOf(dir: Buffer, base: string): readonly Buffer[] {
  if (base === "") return [Buffer.alloc(0)];
  return expand(dir, base.split("/"), Buffer.alloc(0), ignoreRules("")).filter(
    (found) => lstatSync(Buffer.concat([dir, found]), { throwIfNoEntry: false })?.isDirectory() === true,
  );
}

type Named = Omit<Selected, "kept" | "within">;

/** What a pattern has found: its name may be any bytes. */
function matched(root: ContainerRoot, dir: string, found: Buffer, rules: IgnoreRules): Named {
  const shown = found.toString();
  if (Buffer.from(shown).equals(found)) return named(root, shown, shown, rules);
  const path = Buffer.concat([Buffer.from(`${dir}/`), found]);
  const name = found.subarray(found.lastIndexOf("/") + 1);
  const stat = lstatSync(path);
  if (!stat.isSymbolicLink()) return { path, name, insidePath: `/${shown}`, relative: shown, stat };
  const target = posix.resolve("/", posix.dirname(shown), readlinkSync(path)).slice(1);
  return { ...named(root, target, shown, rules), name, relative: shown };
}

function named(root: ContainerRoot, path: string, shown: string, rules: IgnoreRules): Named {
  const isIgnored = rules.ignores(path) && !rules.hasExceptions;
  const place = isIgnored ? undefined : locate(root, path);
  if (place?.stat === undefined)
    throw new RuntimeError(
      "not-found",
      `file not found in build context or excluded by .dockerignore: stat ${shown.replace(/^\.?\//, "")}: file does not exist`,
    );
  const name = Buffer.from(posix.basename(path));
  return { path: place.path, name, insidePath: place.insidePath, relative: path, stat: place.stat };
}

function locate(root: ContainerRoot, path: string) {
  try {
    return root.locate(`/${path}`);
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === "not-found") return undefined;
    throw error;
  }
}

/** Component by component, sorted: a pattern never crosses a slash, except `**`. */
function expand(
  dir: Buffer,
  parts: readonly string[],
  prefix: Buffer,
  rules: IgnoreRules,
): readonly Buffer[] {
  const [part = "", ...rest] = parts;
  const found: Buffer[] = [];
  for (const bytes of namesIn(Buffer.concat([dir, prefix]))) {
    const path = prefix.length === 0 ? bytes : joinBytes(prefix, bytes);
    const name = bytes.toString();
    const ignores = () => rules.ignores(path.toString());
    const isFolder = lstatSync(Buffer.concat([dir, path]), { throwIfNoEntry: false })?.isDirectory() === true;
    if (part === "**" && isFolder) found.push(...expand(dir, parts, path, rules));
    const isMatch = part === "**" ? rest.length === 0 : matches(part, name);
    if (part === "**" && rest.length > 0) {
      if (rest.length === 1 && matches(rest[0] ?? "", name) && !ignores()) found.push(path);
      else if (isFolder && matches(rest[0] ?? "", name))
        found.push(...expand(dir, rest.slice(1), path, rules));
      continue;
    }
    if (!isMatch) continue;
    if (rest.length === 0) {
      if (!ignores()) found.push(path);
    } else if (isFolder) found.push(...expand(dir, rest, path, rules));
  }
  return found.sort(Buffer.compare).filter((path, index) => found[index - 1]?.equals(path) !== true);
}

function matches(pattern: string, name: string): boolean {
  try {
    return matchesGlob(pattern, name);
  } catch (cause) {
    throw new RuntimeError("invalid", `syntax error in pattern ${JSON.stringify(pattern)}`, { cause });
  }
}

function namesIn(dir: Buffer): readonly Buffer[] {
  try {
    return readdirSync(dir, { encoding: "buffer" }).sort(Buffer.compare);
  } catch {
    return [];
  }
}

/** A path of any bytes: names need not be UTF-8. */
export function joinBytes(folder: string | Buffer, name: Buffer): Buffer {
  return Buffer.concat([bytesOf(folder), SLASH, name]);
}

export function bytesOf(path: string | Buffer): Buffer {
  return typeof path === "string" ? Buffer.from(path) : path;
}

/** The children of a folder of a source that are not ignored; folders that may hold exceptions stay. */
export function childrenOf(
  path: string | Buffer,
  relative: string,
  rules: IgnoreRules,
): readonly {
  readonly name: Buffer;
  readonly path: Buffer;
  /** As patterns see it. */
  readonly relative: string;
  readonly stat: Stats;
  readonly isIgnored: boolean;
}[] {
  return readdirSync(path, { encoding: "buffer" })
    .sort(Buffer.compare)
    .flatMap((name) => {
      const inner = relative === "" ? name.toString() : `${relative}/${name}`;
      const inPath = joinBytes(path, name);
      const stat = lstatSync(inPath);
      const isIgnored = rules.ignores(inner);
      if (isIgnored && !(stat.isDirectory() && rules.hasExceptions)) return [];
      return [{ name, path: inPath, relative: inner, stat, isIgnored }];
    });
}
