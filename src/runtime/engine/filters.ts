import { type Filters, RuntimeError } from "../index.ts";

/** `invalid` with Docker's text for a key that is none of `known`. */
export function checkFilterKeys(filters: Filters, known: ReadonlySet<string>): void {
  for (const key of Object.keys(filters))
    if (!known.has(key)) throw new RuntimeError("invalid", `invalid filter '${key}'`);
}

/** Labels: `key` or `key=value`; all of them must match. */
export function matchesLabels(labels: Readonly<Record<string, string>>, wanted: readonly string[]): boolean {
  return wanted.every((entry) => {
    const cut = entry.indexOf("=");
    return cut < 0 ? entry in labels : labels[entry.slice(0, cut)] === entry.slice(cut + 1);
  });
}

/** Part of a name, or a regular expression as Docker reads it. */
export function matchesName(name: string, wanted: readonly string[]): boolean {
  return wanted.some((pattern) => {
    if (name.includes(pattern)) return true;
    try {
      return new RegExp(pattern).test(name);
    } catch {
      return false;
    }
  });
}

/** Docker's `until`: seconds since the epoch, an RFC 3339 time, or a span back from now (`24h`, `1h30m`). */
export function parseUntil(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  if (/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)];
    return nowMs - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ""] ?? 0), 0);
  }
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new RuntimeError("invalid", `invalid filter 'until': "${text}" is no time`);
  return at;
}

/** The value of a yes-or-no filter; `invalid` for anything else. */
export function isTrueFilter(key: string, values: readonly string[]): boolean {
  if (values.length > 0 && values.every((value) => /^(1|t|true)$/i.test(value))) return true;
  if (values.every((value) => /^(0|f|false)$/i.test(value))) return false;
  throw new RuntimeError("invalid", `invalid filter '${key}=${values.join(",")}'`);
}
