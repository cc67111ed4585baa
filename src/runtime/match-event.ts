import { RuntimeError } from "./errors.ts";
import type { Filters, RuntimeEvent } from "./events.ts";

const KEYS: ReadonlySet<string> = new Set([
  "type",
  "event",
  "container",
  "image",
  "network",
  "volume",
  "label",
  "daemon",
  "scope",
  "node",
]);

/** `invalid` for a key that no event has. */
export function checkEventFilters(filters: Filters): void {
  for (const key of Object.keys(filters))
    if (!KEYS.has(key)) throw new RuntimeError("invalid", `invalid filter '${key}'`);
}

/** Labels must all match; of the other keys' values one each. */
export function matchesEvent(event: RuntimeEvent, filters: Filters): boolean {
  return Object.entries(filters).every(([key, values]) =>
    key === "label"
      ? values.every((value) => hasLabel(event, value))
      : values.length === 0 || values.some((value) => hits(event, key, value)),
  );
}

function hasLabel({ attributes }: RuntimeEvent, wanted: string): boolean {
  const cut = wanted.indexOf("=");
  return cut < 0 ? wanted in attributes : attributes[wanted.slice(0, cut)] === wanted.slice(cut + 1);
}

function hits(event: RuntimeEvent, key: string, value: string): boolean {
  const { type, action, id, attributes } = event;
  switch (key) {
    case "type":
      return type === value;
    case "event":
      return action === value || action.startsWith(`${value}:`);
    case "image":
      return type === "image"
        ? [id, attributes["name"]].some((name) => name !== undefined && sameImage(name, value))
        : sameImage(attributes["image"] ?? "", value);
    case "container":
    case "network":
    case "volume":
      if (type === key) return id.startsWith(value) || attributes["name"] === value;
      return attributes[key] === value;
    case "scope":
      return value === "local";
    default:
      return false;
  }
}

function sameImage(name: string, wanted: string): boolean {
  return name === wanted || name === `${wanted}:latest` || name.replace(/:[^/:]*$/, "") === wanted;
}
