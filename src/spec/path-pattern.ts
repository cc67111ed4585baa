/**
 * A table from path patterns to rules, as a tree that is walked beside the value: `services.*.ports[]` names the
 * items of every service's ports. `*` is any key or item, `[]` any item.
 */
export interface PatternNode<T> {
  readonly rule: T | undefined;
  readonly children: ReadonlyMap<string, PatternNode<T>>;
}

interface Building<T> {
  rule: T | undefined;
  readonly children: Map<string, Building<T>>;
}

export function patternTable<T>(rules: Readonly<Record<string, T>>): PatternNode<T> {
  const root: Building<T> = { rule: undefined, children: new Map() };
  for (const [pattern, rule] of Object.entries(rules)) {
    let node = root;
    for (const part of pattern.replaceAll("[]", ".[]").split(".")) {
      let next = node.children.get(part);
      if (next === undefined) {
        next = { rule: undefined, children: new Map() };
        node.children.set(part, next);
      }
      node = next;
    }
    node.rule = rule;
  }
  return root;
}

/** One step down; undefined when no pattern goes further that way. */
export function stepKey<T>(node: PatternNode<T> | undefined, key: string): PatternNode<T> | undefined {
  return node?.children.get(key) ?? node?.children.get("*");
}

export function stepItem<T>(node: PatternNode<T> | undefined): PatternNode<T> | undefined {
  return node?.children.get("[]") ?? node?.children.get("*");
}
