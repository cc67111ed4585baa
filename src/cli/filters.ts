import type { Filters } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";

/** `--filter key=value` several times: values of one key are alternatives. */
export function parseFilters(words: readonly string[]): Filters {
  const filters: Record<string, string[]> = {};
  for (const word of words) {
    const at = word.indexOf("=");
    if (at <= 0) throw usageError(`Invalid filter "${word}": it is KEY=VALUE`);
    const key = word.slice(0, at).trim();
    filters[key] = [...(filters[key] ?? []), word.slice(at + 1).trim()];
  }
  return filters;
}
