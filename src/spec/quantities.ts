import { parseGoFloat } from "./casts.ts";
import type { ByteSize, Duration } from "./stack.ts";

const MULTIPLES: Readonly<Record<string, number>> = {
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};

/** "64m", "1.5 GiB", "100b" as bytes, 1024-based (docker/go-units, RAMInBytes); undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(.*[0-9. ])([^0-9. ]*)$/s.exec(text);
  if (match === null) return undefined;
  const [, number = "", suffix = ""] = match;
  const size = parseGoFloat(number.endsWith(" ") ? number.slice(0, -1) : number);
  if (size === undefined || !(size >= 0)) return undefined;
  const unit = suffix.toLowerCase();
  if (unit === "" || unit === "b") return Math.trunc(size);
  const multiple = MULTIPLES[unit[0] ?? ""];
  if (multiple === undefined || !["", "b", "ib"].includes(unit.slice(1))) return undefined;
  return Math.trunc(size * multiple);
}

const NANOSECONDS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
  w: 604_800e9,
};

/** "1m30s", "1.5h", "2d" in nanoseconds, or what is wrong with the text (go-str2duration 2.1). */
export function parseDuration(text: string): bigint | { readonly wrong: string } {
  const sign = /^[-+]/.exec(text)?.[0] ?? "";
  let rest = text.slice(sign.length);
  if (rest === "0") return 0n;
  if (rest === "") return { wrong: "is no duration" };
  let total = 0n;
  while (rest !== "") {
    const match = /^([0-9]*)(?:\.([0-9]*))?([^0-9.]*)/.exec(rest);
    const [whole = "", digits = "", fraction = "", unit = ""] = match ?? [];
    if (digits === "" && fraction === "") return { wrong: "is no duration" };
    if (unit === "") return { wrong: "lacks a unit" };
    const scale = NANOSECONDS[unit];
    if (scale === undefined) return { wrong: `has the unknown unit "${unit}"` };
    total += BigInt(digits === "" ? 0 : digits) * BigInt(scale);
    if (fraction !== "") total += BigInt(Math.trunc(Number(`0.${fraction.slice(0, 18)}`) * scale));
    if (total > MAX_DURATION) return { wrong: "is too long" };
    rest = rest.slice(whole.length);
  }
  return sign === "-" ? -total : total;
}

const MAX_DURATION = (1n << 63n) - 1n;

/** Nanoseconds as Go prints a duration. */
export function durationText(nanoseconds: bigint): Duration {
  if (nanoseconds === 0n) return "0s";
  const sign = nanoseconds < 0n ? "-" : "";
  const value = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  if (value < 1_000n) return `${sign}${value}ns`;
  if (value < 1_000_000n) return `${sign}${withFraction(value, 1_000n)}µs`;
  if (value < 1_000_000_000n) return `${sign}${withFraction(value, 1_000_000n)}ms`;
  const minutes = value / 60_000_000_000n;
  const seconds = `${withFraction(value % 60_000_000_000n, 1_000_000_000n)}s`;
  if (minutes === 0n) return sign + seconds;
  const hours = minutes / 60n;
  return hours === 0n ? `${sign}${minutes}m${seconds}` : `${sign}${hours}h${minutes % 60n}m${seconds}`;
}

function withFraction(value: bigint, unit: bigint): string {
  const width = String(unit).length - 1;
  const fraction = String(value % unit)
    .padStart(width, "0")
    .replace(/0+$/, "");
  return fraction === "" ? String(value / unit) : `${value / unit}.${fraction}`;
}

/** The number in a `ByteSize` of a stack. */
export function bytesOf(size: ByteSize): number {
  return Number(size);
}

/** The milliseconds in a `Duration` of a stack, fractions kept. */
export function millisecondsOf(duration: Duration): number {
  const nanoseconds = parseDuration(duration);
  return typeof nanoseconds === "bigint" ? Number(nanoseconds) / 1e6 : 0;
}
