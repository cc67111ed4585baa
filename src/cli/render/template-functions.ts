import { templateError } from "./template-error.ts";

/** The functions of Go's templates and of docker's formats. */
export const TEMPLATE_FUNCTIONS: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  json: (value) => JSON.stringify(value ?? null),
  upper: (value) => String(value).toUpperCase(),
  lower: (value) => String(value).toLowerCase(),
  title: (value) => String(value).replaceAll(/\b\w/g, (char) => char.toUpperCase()),
  split: (value, separator) => String(value).split(String(separator)),
  join: (value, separator) => (Array.isArray(value) ? value : []).join(String(separator)),
  len: (value) =>
    typeof value === "string" || Array.isArray(value) ? value.length : Object.keys(value ?? {}).length,
  index: (value, ...keys) => keys.reduce(indexed, value),
  slice: (value, from, to) =>
    Array.isArray(value)
      ? value.slice(Number(from), to as number | undefined)
      : String(value).slice(Number(from), to as number | undefined),
  println: (...values) => `${values.map(goText).join(" ")}\n`,
  print: (...values) => values.map(goText).join(""),
  printf: (format, ...values) => {
    let next = 0;
    return String(format).replaceAll(
      /%([-+]?\d*)(?:\.(\d+))?([svdqtxf%])/g,
      (_match, width: string, digits: string | undefined, verb: string) => {
        if (verb === "%") return "%";
        const text = formatted(verb, values[next++], digits);
        const size = Number(width || 0);
        return width.startsWith("-") ? text.padEnd(-size) : text.padStart(size);
      },
    );
  },
  truncate: (value, length) => String(value).slice(0, Number(length)),
  pad: (value, before, after) => `${" ".repeat(Number(before))}${String(value)}${" ".repeat(Number(after))}`,
  not: (value) => !isTruthy(value),
  and: (...values) => values.find((value) => !isTruthy(value)) ?? values.at(-1),
  or: (...values) => values.find(isTruthy) ?? values.at(-1),
  eq: (a, ...others) => others.includes(a),
  ne: (a, b) => a !== b,
  lt: (a, b) => Number(a) < Number(b),
  le: (a, b) => Number(a) <= Number(b),
  gt: (a, b) => Number(a) > Number(b),
  ge: (a, b) => Number(a) >= Number(b),
};

function indexed(value: unknown, key: unknown): unknown {
  if (typeof value !== "object" || value === null) throw templateError(`there is nothing to index by ${key}`);
  const found = (value as Readonly<Record<string, unknown>>)[String(key)];
  if (found !== undefined) return found;
  if (Array.isArray(value)) throw templateError(`index out of range: ${key}`);
  // A map of texts has the empty text for what it does not have.
  return Object.values(value).every((item) => typeof item === "string") ? "" : undefined;
}

function formatted(verb: string, value: unknown, digits: string | undefined): string {
  if (verb === "q") return JSON.stringify(String(value));
  if (verb === "x") return typeof value === "number" ? value.toString(16) : hex(String(value));
  if (verb === "f") return Number(value).toFixed(Number(digits ?? 6));
  const text = goText(value);
  return verb === "s" && digits !== undefined ? text.slice(0, Number(digits)) : text;
}

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}

export function isTruthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === "") return false;
  if (Array.isArray(value)) return value.length > 0;
  return typeof value !== "object" || Object.keys(value).length > 0;
}

/** Pairs in the order in which Go goes through a map. */
export function sortedEntries(map: object): [string, unknown][] {
  return Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** A value as Go prints it with `%v`. */
export function goText(value: unknown): string {
  if (value === undefined || value === null) return "<no value>";
  if (Array.isArray(value)) return `[${value.map(goText).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  return `map[${sortedEntries(value)
    .map(([key, item]) => `${key}:${goText(item)}`)
    .join(" ")}]`;
}
