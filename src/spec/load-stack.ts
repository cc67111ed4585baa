import { checkConsistency } from "./check-rules.ts";
import { dropUnused } from "./drop-unused.ts";
import type { LoadOptions, LoadResult } from "./load-options.ts";
import { loadTree } from "./load-tree.ts";
import { compareText } from "./merge-rules.ts";
import type { Place } from "./problem.ts";
import { ProblemList } from "./problem-list.ts";
import { readOwnedFiles } from "./read-owned-files.ts";
import { resolveServiceFiles } from "./resolve-service-files.ts";
import { byProfiles, profilesOf, type Selection, selectServices } from "./select-services.ts";
import { type Mapping, type Node, type Origin, type Path, stringIn } from "./source-tree.ts";
import type { Service, Stack } from "./stack.ts";
import { SECTIONS } from "./stack-shape.ts";
import { decode, HIDDEN_CONTENT, plainValue } from "./to-stack.ts";
import type { Variables } from "./variables.ts";
import { warnOfTraps } from "./warn-rules.ts";

/**
 * Reads a project's Compose files into a `Stack`. Never rejects for bad input: whatever is wrong with the
 * files, all of it, is in `problems`.
 */
export async function loadStack(options: LoadOptions): Promise<LoadResult> {
  const problems = new ProblemList();
  const loaded = await loadTree(options, problems);
  if (loaded === undefined) return { problems: sorted(problems), placeOf: () => undefined, environment: {} };
  const { tree, name, found, files } = loaded;
  const places = placesIn(tree);
  const sections = decodeSections(tree, problems);
  const profiles = activeProfiles(options, found.variables);
  const chosen = byProfiles(sections.services, profiles);
  const checked = options.skip?.consistency
    ? chosen
    : checkSelection(chosen, sections.rest, problems, places);
  const run = {
    files,
    problems,
    variables: found.variables,
    directory: found.directory,
    placeOf: places.valueOf,
    skipsEnvironment: options.skip?.envResolution ?? false,
  };
  const names = options.services ?? [];
  const active = [...profiles, ...profilesOf(names, checked)];
  const enabled = byProfiles(new Map([...checked.services, ...checked.disabled]), active);
  const resolved = await resolveFiles(enabled, run);
  const selection = options.onlySelected
    ? selectServices(names, resolved, problems)
    : checkNames(names, resolved, problems);
  const stack: Stack = {
    ...sections.extensions,
    name,
    ...sections.rest,
    services: toRecord(selection.services),
    disabled: toRecord(selection.disabled),
    workingDir: found.directory,
    configFiles: found.files.map((file) => file.path),
    envFiles: found.envFiles,
    profiles: active.filter((profile) => profile !== ""),
    ...(isOn(found.variables.value("COMPOSE_COMPATIBILITY")) && { nameSeparator: "_" }),
  };
  return {
    ...(problems.errors === 0 && {
      stack: await readOwnedFiles(options.allResources ? stack : dropUnused(stack), options.disk),
    }),
    problems: sorted(problems),
    placeOf: (path) => placeAt(places.nearest(path)),
    environment: environmentOf(found.variables),
  };
}

/** As Go reads a truth value. */
function isOn(text: string | undefined): boolean {
  return /^(?:1|t|true)$/i.test(text ?? "");
}

/** The canonical model before it is typed, as plain data: what `config --no-interpolate` prints. */
export async function loadPlainModel(
  options: LoadOptions,
): Promise<{ readonly model?: unknown; readonly problems: LoadResult["problems"] }> {
  const problems = new ProblemList();
  const loaded = await loadTree(options, problems);
  return {
    ...(loaded !== undefined && problems.errors === 0 && { model: plainValue(loaded.tree) }),
    problems: sorted(problems),
  };
}

function activeProfiles(options: LoadOptions, variables: Variables): readonly string[] {
  const named = options.profiles ?? [];
  if (named.length > 0) return named;
  return (variables.value("COMPOSE_PROFILES") ?? "").split(",").map((profile) => profile.trim());
}

type Rest = Pick<Stack, "networks" | "volumes" | "configs" | "secrets" | "models">;

interface Sections {
  readonly services: ReadonlyMap<string, Service>;
  readonly rest: Rest;
  readonly extensions: Readonly<Record<`x-${string}`, unknown>>;
}

function decodeSections(tree: Mapping, problems: ProblemList): Sections {
  const section = (name: keyof typeof SECTIONS) => decodeSection(tree, name, problems);
  const extensions: Record<string, unknown> = {};
  for (const [key, { value }] of tree.entries) if (key.startsWith("x-")) extensions[key] = plainValue(value);
  return {
    // The shapes are the runtime side of the types in stack.ts; a test holds them together.
    services: section("services") as ReadonlyMap<string, Service>,
    rest: {
      networks: toRecord(section("networks")),
      volumes: toRecord(section("volumes")),
      configs: toRecord(section("configs")),
      secrets: toRecord(section("secrets")),
      models: toRecord(section("models")),
    } as unknown as Rest,
    extensions,
  };
}

function decodeSection(
  tree: Mapping,
  name: keyof typeof SECTIONS,
  problems: ProblemList,
): ReadonlyMap<string, unknown> {
  const node = tree.get(name);
  const found = new Map<string, unknown>();
  if (node?.kind !== "map") return found;
  for (const [key, { value }] of [...node.entries].sort(([a], [b]) => compareText(a, b))) {
    if (value.kind === "broken") continue;
    const decoded = decode(value, SECTIONS[name], { path: [name, key], problems }) ?? {};
    const content = value.kind === "map" ? stringIn(value.get(HIDDEN_CONTENT)) : undefined;
    found.set(key, content === undefined ? decoded : { ...(decoded as object), content });
  }
  return found;
}

function toRecord<T>(map: ReadonlyMap<string, T>): Readonly<Record<string, T>> {
  const out: Record<string, T> = Object.create(null);
  for (const [key, value] of [...map].sort(([a], [b]) => compareText(a, b))) out[key] = value;
  return out;
}

function checkSelection(selection: Selection, rest: Rest, problems: ProblemList, places: Places): Selection {
  const run = {
    stack: rest,
    services: selection.services,
    disabled: selection.disabled,
    problems,
    placeOf: places.valueOf,
    keyPlaceOf: places.keyOf,
    isBroken: places.isBroken,
  };
  checkConsistency(run);
  warnOfTraps(run);
  const copied = (services: ReadonlyMap<string, Service>) =>
    new Map([...services].map(([name, service]) => [name, withReplicas(service)]));
  return { services: copied(selection.services), disabled: selection.disabled };
}

/** `scale` says the same as `deploy.replicas` where there is a `deploy`. */
function withReplicas(service: Service): Service {
  if (service.scale === undefined || service.deploy === undefined) return service;
  return { ...service, deploy: { ...service.deploy, replicas: service.scale } };
}

async function resolveFiles(
  { services, disabled }: Selection,
  run: Parameters<typeof resolveServiceFiles>[2],
): Promise<Selection> {
  const resolved = new Map<string, Service>();
  for (const [name, service] of services) resolved.set(name, await resolveServiceFiles(name, service, run));
  return { services: resolved, disabled };
}

function checkNames(names: readonly string[], selection: Selection, problems: ProblemList): Selection {
  selectServices(names, selection, problems);
  return selection;
}

function environmentOf(variables: Variables): Readonly<Record<string, string>> {
  const out: Record<string, string> = Object.create(null);
  for (const [name, { value }] of variables.entries()) out[name] = value;
  return out;
}

interface Places {
  readonly valueOf: (path: Path) => Origin | undefined;
  readonly keyOf: (path: Path) => Origin | undefined;
  readonly nearest: (path: Path) => Origin | undefined;
  readonly isBroken: (path: Path) => boolean;
}

function placesIn(tree: Mapping): Places {
  const walk = (path: Path) => {
    let node: Node = tree;
    let key: Origin | undefined;
    for (const [index, part] of path.entries()) {
      const entry: { key?: Origin; value: Node } | undefined = childOf(node, part);
      if (entry === undefined) return { node, key, depth: index };
      node = entry.value;
      key = entry.key ?? node.origin;
    }
    return { node, key, depth: path.length };
  };
  const nearest = (path: Path) => walk(path).node.origin;
  return {
    valueOf: nearest,
    keyOf: (path) => walk(path).key ?? nearest(path),
    nearest,
    isBroken: (path) => walk(path).node.kind === "broken",
  };
}

function childOf(node: Node, part: string | number): { key?: Origin; value: Node } | undefined {
  if (node.kind === "map") return node.entries.get(String(part));
  const item = node.kind === "list" ? node.items[Number(part)] : undefined;
  return item === undefined ? undefined : { value: item };
}

function placeAt(origin: Origin | undefined): Place | undefined {
  return origin?.source.placeOf(origin.start, origin.end);
}

/** Errors and warnings in the order of the text, those without a place first. */
function sorted(problems: ProblemList): LoadResult["problems"] {
  const order = new Map<string, number>();
  for (const { place } of problems.all)
    if (place && !order.has(place.file)) order.set(place.file, order.size);
  return [...problems.all].sort((a, b) => {
    if (a.place === undefined || b.place === undefined)
      return Number(a.place !== undefined) - Number(b.place !== undefined);
    const files = (order.get(a.place.file) ?? 0) - (order.get(b.place.file) ?? 0);
    return files || a.place.line - b.place.line || a.place.column - b.place.column;
  });
}
