import type { ProblemList } from "./problem-list.ts";
import type { Node, Path } from "./source-tree.ts";

/**
 * How a part of the tree becomes a part of the `Stack`, and back into print. Fields stand in the order in which
 * Compose prints them, since its config hash is taken over that text.
 */
export type Shape = ValueShape | ListShape | MapShape | StructShape;

export interface ValueShape {
  readonly kind: "value";
  /** Undefined for what Compose does not print: nothing, "", 0 or false; wrong values are reported. */
  readonly decode: (node: Node, step: DecodeStep) => unknown;
  readonly print?: (value: unknown, format: PrintFormat) => unknown;
}

export type PrintFormat = "json" | "yaml";

export interface ListShape<Item extends Shape = Shape> {
  readonly kind: "list";
  readonly item: Item;
}

export interface MapShape<Value extends Shape = Shape> {
  readonly kind: "map";
  readonly value: Value;
  /** Null values stay. */
  readonly keepsNull: boolean;
}

export interface StructShape<Fields extends FieldTable = FieldTable> {
  readonly kind: "struct";
  readonly fields: readonly Field[];
  /** For the types alone: what `struct` was given. */
  readonly table?: Fields;
}

export type FieldTable = Readonly<Record<string, Shape | Omit<Field, "name">>>;

export interface Field {
  readonly name: string;
  readonly shape: Shape;
  /** What JSON has for a field that is not there; most have nothing. */
  readonly absent?: "null" | "empty" | "null-command";
  /** How JSON calls it, where that differs. */
  readonly printName?: string;
  /** Never printed. */
  readonly isHidden?: boolean;
}

export interface DecodeStep {
  readonly path: Path;
  readonly problems: ProblemList;
}

export const value = (
  decode: (node: Node, step: DecodeStep) => unknown,
  print?: ValueShape["print"],
): ValueShape => ({ kind: "value", decode, ...(print !== undefined && { print }) });

export const list = <Item extends Shape>(item: Item): ListShape<Item> => ({ kind: "list", item });

export const map = <Value extends Shape>(shape: Value, keepsNull = false): MapShape<Value> => ({
  kind: "map",
  value: shape,
  keepsNull,
});

export const struct = <Fields extends FieldTable>(fields: Fields): StructShape<Fields> => ({
  kind: "struct",
  fields: Object.entries(fields).map(([name, field]) =>
    "kind" in field ? { name, shape: field } : { name, ...field },
  ),
});
