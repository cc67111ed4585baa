import type { PathStat } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { timeFromWire } from "./time.ts";
import { WireObject } from "./wire-object.ts";

export const PATH_STAT_HEADER = "x-docker-container-path-stat";

/** Type and special bits: stat(2)'s, and Go's `os.FileMode`. */
const TYPE_MASK = 0o170000;
const TYPES: readonly (readonly [unix: number, go: number])[] = [
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o020000, 2 ** 26 + 2 ** 21],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
];
const SPECIAL: readonly (readonly [unix: number, go: number])[] = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
];
const REGULAR = 0o100000;

/** The header's value: base64 of a JSON object. */
export function pathStatToWire(stat: PathStat): string {
  const wire = {
    name: stat.name,
    size: stat.sizeBytes,
    mode: modeToGo(stat.mode),
    mtime: stat.modifiedAt.toISOString(),
    linkTarget: stat.linkTarget,
  };
  return Buffer.from(JSON.stringify(wire)).toString("base64");
}

export function pathStatFromWire(header: string | undefined): PathStat {
  if (header === undefined)
    throw new RuntimeError("internal", "Cannot read the state of the path: the engine did not send it");
  const stat = new WireObject(JSON.parse(Buffer.from(header, "base64").toString()));
  return {
    name: stat.text("name") ?? "",
    sizeBytes: stat.number("size") ?? 0,
    mode: modeFromGo(stat.number("mode") ?? 0),
    modifiedAt: timeFromWire(stat.text("mtime")) ?? new Date(0),
    linkTarget: stat.text("linkTarget") ?? "",
  };
}

export function modeToGo(mode: number): number {
  const type = TYPES.find(([unix]) => (mode & TYPE_MASK) === unix)?.[1] ?? 0;
  const special = SPECIAL.reduce((sum, [unix, go]) => ((mode & unix) === 0 ? sum : sum + go), 0);
  return type + special + (mode & 0o777);
}

export function modeFromGo(mode: number): number {
  const bits = BigInt(mode);
  const has = (flag: number): boolean => (bits & BigInt(flag)) === BigInt(flag);
  // The character device has the device's bit too: the wider pattern is looked at first.
  const type = [...TYPES].sort((a, b) => b[1] - a[1]).find(([, go]) => has(go))?.[0] ?? REGULAR;
  const special = SPECIAL.reduce((sum, [unix, go]) => (has(go) ? sum + unix : sum), 0);
  return type + special + Number(bits & 0o777n);
}
