import { CliError } from "./cli-error.ts";

const UNITS_NS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/**
 * A moment as docker's `--since` and `--until` take it: RFC 3339 in several precisions, Unix seconds with a
 * fraction, or a Go duration before now. In nanoseconds since the epoch.
 */
export function momentNs(text: string, nowMs: number): bigint {
  const duration = durationNs(text);
  if (duration !== undefined) return BigInt(nowMs) * 1_000_000n - duration;
  const unix = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (unix?.[1] !== undefined) {
    return BigInt(unix[1]) * 1_000_000_000n + BigInt((unix[2] ?? "").padEnd(9, "0"));
  }
  const [, whole, fraction, zone] =
    /^(\d{4}-\d\d-\d\d(?:T\d\d(?::\d\d(?::\d\d)?)?)?)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(text) ?? [];
  const ms = whole === undefined ? Number.NaN : Date.parse(`${fullTime(whole)}${zone ?? ""}`);
  if (Number.isNaN(ms)) {
    throw new CliError(
      `Invalid time "${text}": it is a time (2026-01-02T15:04:05Z), Unix seconds, or a duration (10m)`,
    );
  }
  return BigInt(ms) * 1_000_000n + BigInt((fraction ?? "").padEnd(9, "0"));
}

function fullTime(text: string): string {
  const [date = "", time = "00:00:00"] = text.split("T");
  const parts = time.split(":");
  while (parts.length < 3) parts.push("00");
  return `${date}T${parts.join(":")}`;
}

/** `1h30m`, `1.5s`; undefined when it is no duration. */
export function durationNs(text: string): bigint | undefined {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0n;
  for (const [, value = "0", unit = "s"] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)) {
    sum += BigInt(Math.round(Number(value) * Number(UNITS_NS[unit] ?? 1n)));
  }
  return sum;
}
