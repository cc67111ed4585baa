import { RuntimeError } from "../index.ts";

/**
 * A JSON object as it came over the wire, read field by field. Null and missing are the same (`undefined`),
 * a value of a wrong type is `invalid` and names its path. Keys are found whatever their case, as Go's
 * decoder finds them; unknown keys are ignored.
 */
export class WireObject {
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #path: string;
  #lowerCased: Map<string, unknown> | undefined;

  constructor(value: unknown, path = "") {
    if (value === null || value === undefined) this.#fields = {};
    else if (typeof value === "object" && !Array.isArray(value)) this.#fields = { ...value };
    else throw wrongType(path || "body", "an object");
    this.#path = path;
  }

  get isEmpty(): boolean {
    return Object.keys(this.#fields).length === 0;
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined;
  }

  raw(key: string): unknown {
    const value = Object.hasOwn(this.#fields, key) ? this.#fields[key] : this.#byLowerCase(key);
    return value === null ? undefined : value;
  }

  text(key: string): string | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "string") return value;
    throw wrongType(this.#at(key), "a string");
  }

  /** A text that says something; empty is absent. */
  filled(key: string): string | undefined {
    return this.text(key) || undefined;
  }

  number(key: string): number | undefined {
    const value = this.raw(key);
    if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
    throw wrongType(this.#at(key), "a number");
  }

  /** A number other than zero; zero is absent. */
  amount(key: string): number | undefined {
    return this.number(key) || undefined;
  }

  flag(key: string): boolean | undefined {
    const value = this.raw(key);
    if (value === undefined || typeof value === "boolean") return value;
    throw wrongType(this.#at(key), "a boolean");
  }

  /** True, or absent. */
  isSet(key: string): true | undefined {
    return this.flag(key) === true ? true : undefined;
  }

  /** A list of texts; a lone text is a list of one, as Docker reads `Cmd` and `Entrypoint`. */
  texts(key: string): readonly string[] | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (typeof value === "string") return [value];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw wrongType(this.#at(key), "a list of strings");
  }

  /** A list of texts that has some; an empty one is absent. */
  someTexts(key: string): readonly string[] | undefined {
    const texts = this.texts(key);
    return texts === undefined || texts.length === 0 ? undefined : texts;
  }

  numbers(key: string): readonly number[] | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value;
    throw wrongType(this.#at(key), "a list of numbers");
  }

  record(key: string): Readonly<Record<string, string>> | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    const object = new WireObject(value, this.#at(key));
    return Object.fromEntries(object.keys().map((name) => [name, object.text(name) ?? ""]));
  }

  someRecord(key: string): Readonly<Record<string, string>> | undefined {
    const record = this.record(key);
    return record === undefined || Object.keys(record).length === 0 ? undefined : record;
  }

  keys(): string[] {
    return Object.keys(this.#fields);
  }

  object(key: string): WireObject {
    return new WireObject(this.raw(key), this.#at(key));
  }

  objects(key: string): readonly WireObject[] {
    return this.#list(key).map((item, index) => new WireObject(item, `${this.#at(key)}[${index}]`));
  }

  /** The members of an object of objects, in order. */
  members(key: string): readonly (readonly [string, WireObject])[] {
    const object = this.object(key);
    return object.keys().map((name) => [name, object.object(name)] as const);
  }

  /** The members of an object of lists of objects, in order. */
  listMembers(key: string): readonly (readonly [string, readonly WireObject[]])[] {
    const object = this.object(key);
    return object.keys().map((name) => [name, object.objects(name)] as const);
  }

  #list(key: string): readonly unknown[] {
    const value = this.raw(key);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw wrongType(this.#at(key), "a list");
  }

  #at(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  #byLowerCase(key: string): unknown {
    this.#lowerCased ??= new Map(
      Object.entries(this.#fields).map(([name, value]) => [name.toLowerCase(), value]),
    );
    return this.#lowerCased.get(key.toLowerCase());
  }
}

/** A list at the top of a body. */
export function wireObjects(value: unknown): readonly WireObject[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value)) throw wrongType("body", "a list");
  return value.map((item, index) => new WireObject(item, `[${index}]`));
}

function wrongType(path: string, wanted: string): RuntimeError {
  return new RuntimeError("invalid", `invalid JSON: ${path} must be ${wanted}`);
}
