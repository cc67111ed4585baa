import { type Filters, RuntimeError } from "../index.ts";

/** What dockerd accepts, by what is listed or pruned; events and the build cache take any key. */
const ACCEPTED = {
  containers: [
    ...["ancestor", "before", "exited", "expose", "health", "id", "isolation", "is-task", "label", "name"],
    ...["network", "publish", "since", "status", "volume"],
  ],
  images: ["before", "dangling", "label", "reference", "since", "until"],
  networks: ["dangling", "driver", "id", "label", "name", "scope", "type"],
  volumes: ["dangling", "driver", "label", "name"],
  search: ["is-automated", "is-official", "stars"],
  containersPrune: ["label", "label!", "until"],
  imagesPrune: ["dangling", "label", "label!", "until"],
  networksPrune: ["label", "label!", "until"],
  volumesPrune: ["all", "label", "label!"],
} as const satisfies Record<string, readonly string[]>;

/**
 * The `filters` query. Two encodings are in use, per key: `{"label":{"a=b":true}}` and `{"label":["a=b"]}`.
 * Anything else is `invalid`, as is a key that `subject` does not have.
 */
export function filtersFromQuery(text: string | null | undefined, subject?: keyof typeof ACCEPTED): Filters {
  if (text === null || text === undefined || text === "") return {};
  const parsed = parse(text);
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) throw malformed();
  const filters = Object.fromEntries(Object.entries(parsed).map(([key, value]) => [key, valuesOf(value)]));
  const accepted: readonly string[] | undefined = subject && ACCEPTED[subject];
  const unknown = accepted && Object.keys(filters).find((key) => !accepted.includes(key));
  if (unknown !== undefined) throw new RuntimeError("invalid", `invalid filter '${unknown}'`);
  return filters;
}

export function filtersToQuery(filters: Filters | undefined): string | undefined {
  if (filters === undefined) return undefined;
  const entries = Object.entries(filters).filter(([, values]) => values.length > 0);
  if (entries.length === 0) return undefined;
  return JSON.stringify(
    Object.fromEntries(
      entries.map(([key, values]) => [key, Object.fromEntries(values.map((value) => [value, true]))]),
    ),
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed();
  }
}

function valuesOf(value: unknown): readonly string[] {
  if (value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  if (typeof value === "object" && !Array.isArray(value)) {
    const entries = Object.entries(value);
    if (entries.every(([, isOn]) => typeof isOn === "boolean"))
      return entries.filter(([, isOn]) => isOn).map(([text]) => text);
  }
  throw malformed();
}

function malformed(): RuntimeError {
  return new RuntimeError("invalid", "invalid filter");
}
