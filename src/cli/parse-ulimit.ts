import type { Ulimit } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";

/** `NAME=SOFT[:HARD]`. */
export function parseUlimit(text: string): Ulimit {
  const [, name, soft, hard = soft] = /^(\w+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === undefined) throw usageError(`Invalid ulimit "${text}": it is NAME=SOFT[:HARD]`);
  return { name, soft: Number(soft), hard: Number(hard) };
}
