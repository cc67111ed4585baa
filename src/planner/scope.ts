import type { Service, Stack } from "../spec/index.ts";
import { joinedServices } from "./container-spec.ts";

export interface Scope {
  /** The ones asked for by name, or all. */
  readonly explicit: ReadonlySet<string>;
  /** With what they depend on, dependencies first. */
  readonly ordered: readonly string[];
  readonly unknown: readonly string[];
}

/** Which services a request is about. `candidates` are all that may be meant when none is named. */
export function scopeOf(
  stack: Stack,
  options: {
    readonly services?: readonly string[];
    readonly noDeps?: boolean;
    readonly candidates?: readonly string[];
  },
): Scope {
  const { services = [], noDeps = false, candidates = Object.keys(stack.services) } = options;
  const named = services.length === 0 ? candidates : services;
  const explicit = new Set(named.filter((name) => name in stack.services));
  const unknown = named.filter((name) => !(name in stack.services));
  const chosen = noDeps ? explicit : withDependencies(stack, explicit);
  return { explicit, ordered: inDependencyOrder(stack).filter((name) => chosen.has(name)), unknown };
}

/** Those services, and all that they depend on. */
export function withDependencies(stack: Stack, names: Iterable<string>): ReadonlySet<string> {
  const found = new Set(names);
  for (const name of found)
    for (const needed of dependenciesOf(stack.services[name]))
      if (needed in stack.services) found.add(needed);
  return found;
}

/** What a service depends on, declared or by sharing something. */
export function dependenciesOf(service: Service | undefined): readonly string[] {
  if (service === undefined) return [];
  const linked = (service.links ?? []).map((link) => link.split(":")[0] ?? "");
  return [...new Set([...Object.keys(service.depends_on ?? {}), ...linked, ...joinedServices(service)])];
}

const orders = new WeakMap<Stack, readonly string[]>();

/** All services, each after what it depends on, otherwise in the stack's order. A cycle's back edge is dropped. */
export function inDependencyOrder(stack: Stack): readonly string[] {
  const known = orders.get(stack);
  if (known !== undefined) return known;
  const order = new Set<string>();
  const visiting = new Set<string>();
  const visit = (root: string): void => {
    // A stack of its own: a chain of ten thousand services must not overflow ours.
    const path: { readonly name: string; readonly rest: string[] }[] = [];
    const enter = (name: string): void => {
      if (order.has(name) || visiting.has(name)) return;
      visiting.add(name);
      const rest = dependenciesOf(stack.services[name]).filter((needed) => needed in stack.services);
      path.push({ name, rest: [...rest].reverse() });
    };
    enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.rest.pop();
      if (next !== undefined) enter(next);
      else {
        path.pop();
        visiting.delete(top.name);
        order.add(top.name);
      }
    }
  };
  for (const name of Object.keys(stack.services)) visit(name);
  const result = [...order];
  orders.set(stack, result);
  return result;
}

/** Who depends on each service, in the stack's order. */
export function dependentsOf(stack: Stack): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const [name, service] of Object.entries(stack.services))
    for (const needed of dependenciesOf(service)) {
      const list = found.get(needed);
      if (list === undefined) found.set(needed, [name]);
      else list.push(name);
    }
  return found;
}
