import type { LoadOptions } from "./load-options.ts";
import { loadTree } from "./load-tree.ts";
import { parseEnvFileOf } from "./parse-env-file.ts";
import type { Place, Problem } from "./problem.ts";
import { ProblemList } from "./problem-list.ts";
import {
  isString,
  type Mapping,
  mappingOf,
  type Node,
  type Origin,
  type Path,
  pathText,
  Scalar,
  stringIn,
} from "./source-tree.ts";
import { didYouMean } from "./suggest.ts";
import type { TextFiles } from "./text-files.ts";
import { plainValue } from "./to-stack.ts";
import type { Variable, Variables } from "./variables.ts";

/** One link of a value's chain, the one that holds first. */
export interface ExplainStep {
  /** `set`: it holds. `beaten`: it was said, and another said it later. `variable`: it was put into a text. */
  readonly kind: "set" | "beaten" | "variable";
  readonly text: string;
  readonly place?: Place;
  /** The line at `place`. */
  readonly source?: string;
}

export interface Explanation {
  readonly path: string;
  /** The value that holds, before it is typed. */
  readonly value: unknown;
  readonly steps: readonly ExplainStep[];
}

export interface ExplainResult {
  readonly explanations: readonly Explanation[];
  readonly problems: readonly Problem[];
  /** There is no such path; the nearest that there is. */
  readonly hint?: string;
}

/** Where the values at a dotted path come from: which files and variables set them, and which lost. */
export async function explainPath(options: LoadOptions, path: string): Promise<ExplainResult> {
  const problems = new ProblemList();
  const loaded = await loadTree(options, problems);
  if (loaded === undefined) return { explanations: [], problems: problems.all };
  const tree = await withEnvFiles(loaded.tree, loaded.files, loaded.found.variables);
  const found = findPath(tree, path);
  if ("hint" in found)
    return {
      explanations: [],
      problems: problems.all,
      ...(found.hint !== undefined && { hint: found.hint }),
    };
  return { explanations: explainNode(found.node, found.path), problems: problems.all };
}

/** Walks a dotted path; keys may hold dots themselves, so the longest key that fits is taken. */
function findPath(
  tree: Mapping,
  dotted: string,
): { readonly node: Node; readonly path: Path } | { readonly hint: string | undefined } {
  let node: Node = tree;
  const path: (string | number)[] = [];
  let rest = dotted.replaceAll(/\[(\d+)\]/g, ".$1").replace(/^\./, "");
  while (rest !== "") {
    const children = childrenOf(node);
    const key = children
      .map(([name]) => name)
      .filter((name) => rest === String(name) || rest.startsWith(`${name}.`))
      .sort((a, b) => String(b).length - String(a).length)[0];
    const next = children.find(([name]) => name === key)?.[1];
    if (key === undefined || next === undefined) {
      const word = rest.split(".")[0] ?? "";
      return {
        hint:
          didYouMean(
            word,
            children.map(([name]) => String(name)),
          ) ?? nearHint(path, children),
      };
    }
    path.push(key);
    node = next;
    rest = rest.slice(String(key).length + 1);
  }
  return { node, path };
}

function nearHint(path: Path, children: readonly (readonly [string | number, Node])[]): string | undefined {
  if (children.length === 0) return undefined;
  const where = path.length === 0 ? "at the top" : `in ${pathText(path)}`;
  return `${where} there is ${children
    .slice(0, 20)
    .map(([name]) => name)
    .join(", ")}`;
}

/** A list of `key=value` has its keys as children too. */
function childrenOf(node: Node): readonly (readonly [string | number, Node])[] {
  if (node.kind === "map") return [...node.entries].map(([key, { value }]) => [key, value] as const);
  if (node.kind !== "list") return [];
  return node.items.flatMap((item, index) => {
    const key =
      isString(item) && item.value.includes("=") ? [[item.value.split("=")[0] ?? "", item] as const] : [];
    return [[index, item] as const, ...key];
  });
}

function explainNode(node: Node, path: Path): readonly Explanation[] {
  if (node.kind === "scalar")
    return [{ path: pathText(path), value: plainValue(node), steps: stepsOf(node) }];
  if (node.kind === "broken") return [];
  const children =
    node.kind === "map" ? childrenOf(node) : node.items.map((item, index) => [index, item] as const);
  if (children.length === 0)
    return [{ path: pathText(path), value: plainValue(node), steps: [step("set", "empty", node.origin)] }];
  return children.flatMap(([key, child]) => explainNode(child, [...path, key]));
}

function stepsOf(scalar: Scalar, kind: "set" | "beaten" = "set"): readonly ExplainStep[] {
  const { history } = scalar;
  const shown = history?.template ?? String(scalar.value ?? "null");
  return [
    step(kind, shown, scalar.origin),
    ...(history?.variables ?? []).map(({ name, value, from, at }) =>
      value === undefined
        ? step("variable", `${name} is not set`)
        : step("variable", `${name} is "${value}"${at === undefined ? ` in ${from}` : ""}`, at),
    ),
    ...(history?.beaten ?? []).toReversed().flatMap((beaten) => stepsOf(beaten, "beaten")),
  ];
}

function step(kind: ExplainStep["kind"], text: string, at?: Origin): ExplainStep {
  if (at === undefined) return { kind, text };
  const place = at.source.placeOf(at.start, at.end);
  return { kind, text, place, source: at.source.lineText(place.line) };
}

/** Folds env files in as the loader does, each value with its place. */
async function withEnvFiles(tree: Mapping, files: TextFiles, variables: Variables): Promise<Mapping> {
  const services = tree.get("services");
  if (services?.kind !== "map") return tree;
  let result = services;
  for (const [name, { value: service }] of services.entries) {
    if (service.kind !== "map") continue;
    const values = await readFiles(service, files, variables);
    if (values.size > 0)
      result = result.with(
        name,
        service.with("environment", addBelow(service.get("environment"), values, service.origin)),
      );
  }
  return tree.with("services", result);
}

async function readFiles(
  service: Mapping,
  files: TextFiles,
  variables: Variables,
): Promise<ReadonlyMap<string, Scalar>> {
  const found = new Map<string, Scalar>();
  const own = ownVariables(service.get("environment"));
  const find = (name: string) => variables.find(name) ?? own.get(name);
  const run = { find, lookup: (name: string) => find(name)?.value, problems: new ProblemList() };
  const envFiles = service.get("env_file");
  const into = new Map<string, Variable>();
  for (const item of envFiles?.kind === "list" ? envFiles.items : []) {
    const path = item.kind === "map" ? stringIn(item.get("path")) : undefined;
    if (path === undefined || (await files.disk.kindOf(path)) !== "file") continue;
    const source = await files.read(path, { what: "The env file" });
    if (source === undefined) continue;
    const before = new Map(into);
    const format = item.kind === "map" ? stringIn(item.get("format")) : undefined;
    parseEnvFileOf(format ?? "", source, { ...run, into });
    for (const [key, variable] of into)
      if (before.get(key) !== variable)
        found.set(key, above(scalarOf(variable, item.origin), found.get(key)));
  }
  return found;
}

/** What a service says itself, which its env files may name. */
function ownVariables(environment: Node | undefined): ReadonlyMap<string, Variable> {
  const found = new Map<string, Variable>();
  for (const [key, node] of environment === undefined ? [] : childrenOf(environment)) {
    if (typeof key === "number" || node.kind !== "scalar" || node.value === null) continue;
    const { origin: at, value } = withoutKey(node, key, environment);
    found.set(key, { value: String(value), from: at.source.name, at });
  }
  return found;
}

function scalarOf({ value, at, template, variables }: Variable, origin: Origin): Scalar {
  const history = template === undefined ? undefined : { template, variables: variables ?? [] };
  return new Scalar(value, "string", at ?? origin, history);
}

/** The value, which beats the one below. */
function above(value: Scalar, below: Scalar | undefined): Scalar {
  if (below === undefined) return value;
  const beaten = [below, ...(value.history?.beaten ?? [])];
  return new Scalar(value.value, value.type, value.origin, { ...value.history, beaten });
}

/** `key=value` in a list is the value under the key. */
function withoutKey(scalar: Scalar, key: string, list: Node | undefined): Scalar {
  if (list?.kind !== "list") return scalar;
  const strip = (each: Scalar): Scalar => {
    const { value, history } = each;
    const plain = String(value).startsWith(`${key}=`) ? String(value).slice(key.length + 1) : value;
    if (history === undefined) return new Scalar(plain, each.type, each.origin);
    return new Scalar(plain, each.type, each.origin, {
      ...history,
      ...(history.beaten !== undefined && { beaten: history.beaten.map(strip) }),
    });
  };
  return strip(scalar);
}

/** The service's own environment over what its env files say. */
function addBelow(own: Node | undefined, files: ReadonlyMap<string, Scalar>, origin: Origin): Mapping {
  const values = new Map<string, Node>(files);
  for (const [key, value] of own === undefined ? [] : childrenOf(own)) {
    if (typeof key === "number") continue;
    const below = files.get(key);
    values.set(key, value.kind === "scalar" ? above(withoutKey(value, key, own), below) : value);
  }
  return mappingOf(values, own?.origin ?? origin);
}
