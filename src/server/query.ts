import { instantFromQuery, WireObject } from "../runtime/docker-api/index.ts";
import { invalid, StatusError } from "./reply.ts";

const FALSE = new Set(["", "0", "no", "false", "none"]);

/** Docker's booleans: everything but these is true; absent is false. */
export function flag(query: URLSearchParams, name: string, fallback = false): boolean {
  const value = query.get(name);
  return value === null ? fallback : !FALSE.has(value.trim().toLowerCase());
}

/** A non-empty text, or absent. */
export function filled(query: URLSearchParams, name: string): string | undefined {
  return query.get(name) || undefined;
}

/** dockerd answers 500 here, with the words of Go's parser. */
export function integer(query: URLSearchParams, name: string): number | undefined {
  const value = filled(query, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^[+-]?\d+$/.test(value) || !Number.isSafeInteger(number))
    throw new StatusError(500, "invalid", `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
  return number;
}

/** `since` and `until`; 0 and absent are the same. */
export function instant(query: URLSearchParams, name: string): bigint | undefined {
  const value = filled(query, name);
  if (value === undefined || value === "0") return undefined;
  const timeNs = instantFromQuery(value);
  if (timeNs === undefined)
    throw new StatusError(
      500,
      "invalid",
      `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`,
    );
  return timeNs;
}

export function terminalSize(query: URLSearchParams): { readonly rows: number; readonly columns: number } {
  return { rows: side(query, "h", "height"), columns: side(query, "w", "width") };
}

function side(query: URLSearchParams, name: string, word: string): number {
  const value = query.get(name) ?? "";
  if (!/^\d{1,9}$/.test(value))
    throw invalid(`invalid resize ${word} ${JSON.stringify(value)}: invalid syntax`);
  return Number(value);
}

/** A JSON object of texts inside a query parameter (`buildargs`, `labels`). */
export function textMap(query: URLSearchParams, name: string): Readonly<Record<string, string>> | undefined {
  const parsed = parseJson(query, name);
  if (parsed === undefined || parsed === null) return undefined;
  if (typeof parsed !== "object" || Array.isArray(parsed)) throw invalid(`${name}: not a JSON object`);
  return Object.fromEntries(
    Object.entries(parsed)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, String(value)]),
  );
}

/** A JSON list of texts, a repeated parameter, or a list with commas. */
export function textList(query: URLSearchParams, name: string): readonly string[] | undefined {
  const values = query.getAll(name).filter((value) => value !== "");
  const [only] = values;
  if (only === undefined) return undefined;
  if (values.length > 1) return values;
  if (!only.startsWith("[") && only !== "null") return only.split(",");
  const parsed = parseJson(query, name);
  return Array.isArray(parsed) ? parsed.map(String) : undefined;
}

/** A JSON list of objects. */
export function objectList(query: URLSearchParams, name: string): readonly WireObject[] | undefined {
  const parsed = parseJson(query, name);
  if (parsed === undefined || parsed === null) return undefined;
  if (!Array.isArray(parsed)) throw invalid(`${name}: not a JSON list`);
  return parsed.map((entry) => new WireObject(entry, name));
}

function parseJson(query: URLSearchParams, name: string): unknown {
  const value = filled(query, name);
  if (value === undefined) return undefined;
  try {
    return JSON.parse(value);
  } catch (error) {
    throw invalid(`Cannot read the parameter "${name}": ${error instanceof Error ? error.message : ""}`);
  }
}
