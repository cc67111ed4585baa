import type { FileObject, Service, Stack } from "../spec/index.ts";
import type { Hazard, PlanProblem } from "./plan.ts";
import { SUPPORT, type SupportRow } from "./support.ts";

export interface Unsupported {
  readonly problems: readonly PlanProblem[];
  readonly hazards: readonly Hazard[];
}

/** A row with its path taken apart, below what it is looked up in. */
interface Lookup extends SupportRow {
  readonly keys: readonly string[];
}

const BUILD = lookups("services.*.build.");
const SERVICE = lookups("services.*.").filter(({ path }) => !path.startsWith("services.*.build."));
const FILE = { config: lookups("configs.*."), secret: lookups("secrets.*.") };

function lookups(prefix: string): readonly Lookup[] {
  return SUPPORT.filter(
    ({ path, effect }) => path.startsWith(prefix) && effect !== "kept" && effect !== "differs",
  ).map((row) => ({ ...row, keys: row.path.slice(prefix.length).split(/\.|(?=\[\])/) }));
}

const known = new WeakMap<Service, Unsupported>();

/** What a service declares that its containers cannot have. */
export function unsupportedOf(stack: Stack, serviceName: string, service: Service): Unsupported {
  const before = known.get(service);
  if (before !== undefined) return before;
  const found = [
    lookUp(SERVICE, service, `services.${serviceName}`),
    ...filesUsed(stack, service).map(({ kind, key, object }) =>
      lookUp(FILE[kind], object, `${kind}s.${key}`),
    ),
  ];
  const result = {
    problems: found.flatMap(({ problems }) => problems),
    hazards: found.flatMap(({ hazards }) => hazards),
  };
  known.set(service, result);
  return result;
}

/** What its build cannot have. */
export function unsupportedBuild(serviceName: string, service: Service | undefined): Unsupported {
  return lookUp(BUILD, service?.build, `services.${serviceName}.build`);
}

function filesUsed(stack: Stack, service: Service) {
  return (["config", "secret"] as const).flatMap((kind) => {
    const objects: Readonly<Record<string, FileObject>> = kind === "config" ? stack.configs : stack.secrets;
    const used = kind === "config" ? service.configs : service.secrets;
    return (used ?? []).flatMap(({ source: key = "" }) => {
      const object = objects[key];
      return object === undefined ? [] : [{ kind, key, object }];
    });
  });
}

function lookUp(rows: readonly Lookup[], root: unknown, prefix: string): Unsupported {
  const problems: PlanProblem[] = [];
  const hazards: Hazard[] = [];
  for (const { keys, when = saysSomething, why, effect } of rows)
    for (const { path, value, parent } of declaredAt(root, keys, prefix)) {
      if (!when(value, parent)) continue;
      if (effect === "refused")
        problems.push({ kind: "unsupported", path, message: `cannot take effect: ${why}` });
      else hazards.push({ kind: "no-effect", path, message: `${path} has no effect: ${why}` });
    }
  return { problems, hazards };
}

interface Declared {
  readonly path: string;
  readonly value: unknown;
  /** What it stands in. */
  readonly parent: unknown;
}

function declaredAt(
  value: unknown,
  keys: readonly string[],
  path: string,
  parent?: unknown,
): readonly Declared[] {
  if (value === undefined || value === null) return [];
  const [key, ...rest] = keys;
  if (key === undefined) return [{ path, value, parent }];
  if (key === "[]")
    return Array.isArray(value)
      ? value.flatMap((item: unknown, index) => declaredAt(item, rest, `${path}[${index}]`, value))
      : [];
  return declaredAt((value as Readonly<Record<string, unknown>>)[key], rest, `${path}.${key}`, value);
}

function saysSomething(value: unknown): boolean {
  if (value === false || value === 0 || value === "") return false;
  return typeof value !== "object" || value === null || Object.keys(value).length > 0;
}
