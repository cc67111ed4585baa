import type { SourceText } from "./source-text.ts";

/** Where in which text something stands. */
export interface Origin {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

/** A parsed value in which every node knows its place. Nodes never change: stages make new ones and share the rest. */
export type Node = Scalar | List | Mapping | Broken;

export type ScalarType = "string" | "int" | "float" | "bool" | "null" | "time";
export type ScalarValue = string | number | bigint | boolean | null;

export class Scalar {
  readonly kind = "scalar";
  readonly value: ScalarValue;
  readonly type: ScalarType;
  readonly origin: Origin;
  /** What this value was made from: the text before interpolation, the values it beat in a merge. */
  readonly history: History | undefined;

  constructor(value: ScalarValue, type: ScalarType, origin: Origin, history?: History) {
    this.value = value;
    this.type = type;
    this.origin = origin;
    this.history = history;
  }
}

export class List {
  readonly kind = "list";
  readonly items: readonly Node[];
  readonly origin: Origin;

  constructor(items: readonly Node[], origin: Origin) {
    this.items = items;
    this.origin = origin;
  }
}

export interface Entry {
  /** Where the key stands. */
  readonly key: Origin;
  readonly value: Node;
}

export class Mapping {
  readonly kind = "map";
  readonly entries: ReadonlyMap<string, Entry>;
  readonly origin: Origin;

  constructor(entries: ReadonlyMap<string, Entry>, origin: Origin) {
    this.entries = entries;
    this.origin = origin;
  }

  get(key: string): Node | undefined {
    return this.entries.get(key)?.value;
  }

  /** A copy with one entry set or, without a value, removed. */
  with(key: string, value: Node | undefined, keyOrigin?: Origin): Mapping {
    const entries = new Map(this.entries);
    if (value === undefined) entries.delete(key);
    else entries.set(key, { key: keyOrigin ?? entries.get(key)?.key ?? value.origin, value });
    return new Mapping(entries, this.origin);
  }
}

/** Stands where a problem was reported: present, but of no known value, so that nothing else is said about it. */
export class Broken {
  readonly kind = "broken";
  readonly origin: Origin;

  constructor(origin: Origin) {
    this.origin = origin;
  }
}

export interface History {
  /** The text before interpolation. */
  readonly template?: string;
  readonly variables?: readonly VariableUse[];
  readonly beaten?: readonly Scalar[];
}

export interface VariableUse {
  readonly name: string;
  /** Undefined: it is not set. */
  readonly value: string | undefined;
  /** "the environment", or the file that set it. */
  readonly from: string | undefined;
  readonly at?: Origin | undefined;
}

export function text(value: string, origin: Origin): Scalar {
  return new Scalar(value, "string", origin);
}

export function bool(value: boolean, origin: Origin): Scalar {
  return new Scalar(value, "bool", origin);
}

/** A mapping made by us: all keys stand where the thing stands that it was made from. */
export function mappingOf(values: Iterable<readonly [string, Node]>, origin: Origin): Mapping {
  const entries = new Map<string, Entry>();
  for (const [key, value] of values) entries.set(key, { key: origin, value });
  return new Mapping(entries, origin);
}

export function isString(node: Node | undefined): node is Scalar & { readonly value: string } {
  return node?.kind === "scalar" && node.type === "string";
}

export function isNull(node: Node | undefined): boolean {
  return node?.kind === "scalar" && node.type === "null";
}

/** The string in `node`, if it is one. */
export function stringIn(node: Node | undefined): string | undefined {
  return isString(node) ? node.value : undefined;
}

export type Path = readonly (string | number)[];

/** `services.db.ports[0]` */
export function pathText(path: Path): string {
  let out = "";
  for (const part of path) {
    if (typeof part === "number") out += `[${part}]`;
    else out += out === "" ? part : `.${part}`;
  }
  return out;
}

/** Puts new values under the same keys; gives back `map` itself when nothing changed. */
export function mapEntries(
  map: Mapping,
  change: (value: Node, key: string, entry: Entry) => Node | undefined,
): Mapping {
  let changed: Map<string, Entry> | undefined;
  for (const [key, entry] of map.entries) {
    const value = change(entry.value, key, entry);
    if (value === entry.value) continue;
    changed ??= new Map(map.entries);
    if (value === undefined) changed.delete(key);
    else changed.set(key, { key: entry.key, value });
  }
  return changed === undefined ? map : new Mapping(changed, map.origin);
}

/** Puts new values in the same places; gives back `list` itself when nothing changed. */
export function mapItems(list: List, change: (value: Node, index: number) => Node): List {
  let changed: Node[] | undefined;
  list.items.forEach((item, index) => {
    const value = change(item, index);
    if (value === item) return;
    changed ??= [...list.items];
    changed[index] = value;
  });
  return changed === undefined ? list : new List(changed, list.origin);
}
