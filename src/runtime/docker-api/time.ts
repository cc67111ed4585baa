/** What Go prints for a time that never was. */
export const NEVER = "0001-01-01T00:00:00Z";

const NS_PER_SECOND = 1_000_000_000n;

export function timeToWire(time: Date | undefined): string {
  return time === undefined ? NEVER : time.toISOString();
}

/** Milliseconds are what a `Date` can hold; what is finer is cut off. */
export function timeFromWire(text: string | undefined): Date | undefined {
  if (text === undefined || text === "" || text.startsWith("0001-")) return undefined;
  const time = new Date(text);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

let lastSecond = -1n;
let lastSecondText = "";

/** RFC 3339 with all nine digits, as Docker stamps log lines. */
export function nanosecondsToWire(timeNs: bigint): string {
  const second = timeNs / NS_PER_SECOND;
  if (second !== lastSecond) {
    lastSecond = second;
    lastSecondText = new Date(Number(second) * 1000).toISOString().slice(0, 19);
  }
  return `${lastSecondText}.${(timeNs % NS_PER_SECOND).toString().padStart(9, "0")}Z`;
}

/** Undefined when the text is no RFC 3339 time. */
export function nanosecondsFromWire(text: string): bigint | undefined {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (match === null) return undefined;
  const seconds = Date.parse(`${match[1]}${match[3]}`) / 1000;
  return Number.isNaN(seconds)
    ? undefined
    : BigInt(seconds) * NS_PER_SECOND + BigInt((match[2] ?? "").padEnd(9, "0"));
}

/**
 * The `since` and `until` of a query: seconds since the epoch with up to nine decimals, or RFC 3339.
 * Undefined when it is neither.
 */
export function instantFromQuery(text: string): bigint | undefined {
  const match = /^(-?\d{1,12})(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (match === null) return nanosecondsFromWire(text);
  return BigInt(match[1] ?? 0) * NS_PER_SECOND + BigInt((match[2] ?? "").padEnd(9, "0"));
}

export function instantToQuery(timeNs: bigint): string {
  return `${timeNs / NS_PER_SECOND}.${(timeNs % NS_PER_SECOND).toString().padStart(9, "0")}`;
}

export function dateToNanoseconds(time: Date): bigint {
  return BigInt(time.getTime()) * 1_000_000n;
}
