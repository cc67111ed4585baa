import { RuntimeError } from "../../index.ts";

/** Reads documents that others wrote, field by field; what has another type than it should is `invalid`. */
export class JsonShape {
  readonly #value: unknown;
  readonly #what: string;

  constructor(value: unknown, what: string) {
    this.#value = value;
    this.#what = what;
  }

  /** `what` names the document in errors. Duplicate keys are refused: two readers could see two documents. */
  static parse(text: string, what: string): JsonShape {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw new RuntimeError("invalid", `Cannot read ${what}: it is no JSON`, { cause });
    }
    if (hasDuplicateKeys(text))
      throw new RuntimeError("invalid", `Cannot read ${what}: it has duplicate keys`);
    return new JsonShape(value, what).#asObject();
  }

  get raw(): unknown {
    return this.#value;
  }

  has(key: string): boolean {
    const value = this.#field(key);
    return value !== undefined && value !== null;
  }

  keys(): readonly string[] {
    return typeof this.#value === "object" && this.#value !== null ? Object.keys(this.#value) : [];
  }

  text(key: string): string | undefined {
    const value = this.#field(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "string") throw this.#wrong(key, "text");
    return value;
  }

  /** Text that must be there. */
  requiredText(key: string): string {
    const value = this.text(key);
    if (value === undefined) throw this.#wrong(key, "text");
    return value;
  }

  number(key: string): number | undefined {
    const value = this.#field(key);
    if (value === undefined || value === null) return undefined;
    if (typeof value !== "number") throw this.#wrong(key, "a number");
    return value;
  }

  flag(key: string): boolean {
    return this.#field(key) === true;
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.#field(key);
    if (value === undefined || value === null) return undefined;
    // Docker accepted a single text for a command once, and such images still exist.
    if (typeof value === "string") return [value];
    if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
      throw this.#wrong(key, "a list of texts");
    return value;
  }

  object(key: string): JsonShape {
    const value = this.#field(key) ?? {};
    return new JsonShape(value, `${this.#what}.${key}`).#asObject();
  }

  objects(key: string): readonly JsonShape[] {
    const value = this.#field(key);
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) throw this.#wrong(key, "a list");
    return value.map((item, index) => new JsonShape(item, `${this.#what}.${key}[${index}]`).#asObject());
  }

  /** A map of texts. */
  record(key: string): Readonly<Record<string, string>> | undefined {
    const shape = this.object(key);
    const keys = shape.keys();
    if (keys.length === 0) return undefined;
    return Object.fromEntries(keys.map((name) => [name, shape.text(name) ?? ""]));
  }

  #field(key: string): unknown {
    return typeof this.#value === "object" && this.#value !== null && Object.hasOwn(this.#value, key)
      ? (this.#value as Readonly<Record<string, unknown>>)[key]
      : undefined;
  }

  #asObject(): this {
    if (typeof this.#value !== "object" || this.#value === null || Array.isArray(this.#value))
      throw new RuntimeError("invalid", `Cannot read ${this.#what}: it is no object`);
    return this;
  }

  #wrong(key: string, wanted: string): RuntimeError {
    return new RuntimeError("invalid", `Cannot read ${this.#what}: ${key} must be ${wanted}`);
  }
}

/** Of a text that JSON.parse accepts. */
function hasDuplicateKeys(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g;
  for (const match of text.matchAll(token)) {
    const found = match[0];
    if (found === "{") open.push(new Set());
    else if (found === "[") open.push(undefined);
    else if (found === "}" || found === "]") open.pop();
    else if (match[1] !== undefined) {
      const key: string = JSON.parse(found.slice(0, found.lastIndexOf('"') + 1));
      const keys = open.at(-1);
      if (keys?.has(key)) return true;
      keys?.add(key);
    }
  }
  return false;
}
