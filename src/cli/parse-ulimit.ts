import { readUlimit } from "../lib/ulimit.ts";
import type { Ulimit } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";

export function parseUlimit(text: string): Ulimit {
  const ulimit = readUlimit(text);
  if (ulimit === undefined) throw usageError(`Invalid ulimit "${text}": it is NAME=SOFT[:HARD]`);
  return ulimit;
}
