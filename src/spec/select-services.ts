import type { ProblemList } from "./problem-list.ts";
import type { Service } from "./stack.ts";
import { didYouMean } from "./suggest.ts";

export interface Selection {
  readonly services: ReadonlyMap<string, Service>;
  readonly disabled: ReadonlyMap<string, Service>;
}

/** The services that no profile, or an active one, has; `*` activates all. */
export function byProfiles(all: ReadonlyMap<string, Service>, profiles: readonly string[]): Selection {
  const services = new Map<string, Service>();
  const disabled = new Map<string, Service>();
  for (const [name, service] of all) {
    const own = service.profiles ?? [];
    const isEnabled =
      own.length === 0 || profiles.includes("*") || own.some((each) => profiles.includes(each));
    (isEnabled ? services : disabled).set(name, service);
  }
  return { services, disabled };
}

/** Profiles that naming disabled services activates. */
export function profilesOf(names: readonly string[], { disabled }: Selection): readonly string[] {
  return names.flatMap((name) => disabled.get(name)?.profiles ?? []);
}

/** Keeps the named services (patterns with `*` and `?` may name several) and all that they depend on. */
export function selectServices(names: readonly string[], from: Selection, problems: ProblemList): Selection {
  if (names.length === 0) return from;
  const kept = new Set<string>();
  const queue: { name: string; isRequired: boolean }[] = names.map((name) => ({ name, isRequired: true }));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, isRequired } = next;
    const matches = from.services.has(name) ? [name] : [...from.services.keys()].filter(matcher(name));
    if (matches.length === 0 && isRequired) {
      problems.error("service/unknown", `There is no service "${name}"`, {
        hint: didYouMean(name, [...from.services.keys(), ...from.disabled.keys()]),
      });
    }
    for (const match of matches) {
      if (kept.has(match)) continue;
      kept.add(match);
      const dependencies = Object.entries(from.services.get(match)?.depends_on ?? {});
      queue.push(...dependencies.map(([key, { required }]) => ({ name: key, isRequired: required })));
    }
  }
  const services = new Map<string, Service>();
  const disabled = new Map(from.disabled);
  for (const [name, service] of from.services) {
    if (kept.has(name)) services.set(name, withDependencies(service, kept));
    else disabled.set(name, service);
  }
  return { services, disabled };
}

function withDependencies(service: Service, kept: ReadonlySet<string>): Service {
  const { depends_on: declared, ...rest } = service;
  if (declared === undefined) return service;
  const dependencies = Object.entries(declared).filter(([name]) => kept.has(name));
  if (dependencies.length === Object.keys(declared).length) return service;
  return dependencies.length === 0 ? rest : { ...rest, depends_on: Object.fromEntries(dependencies) };
}

function matcher(pattern: string): (name: string) => boolean {
  if (!/[*?[]/.test(pattern)) return () => false;
  const source = pattern
    .replaceAll(/[\\^$.|+(){}]/g, "\\$&")
    .replaceAll("*", "[^/]*")
    .replaceAll("?", "[^/]");
  try {
    const expression = new RegExp(`^${source}$`, "u");
    return (name) => expression.test(name);
  } catch {
    return () => false;
  }
}
