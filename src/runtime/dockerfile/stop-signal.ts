import { constants } from "node:os";
import { RuntimeError } from "../index.ts";

const REAL_TIME = /^(?:SIG)?RTM(?:IN|AX)(?:[+-]\d{1,2})?$/;
const MAX_SIGNAL = 64;

/** A name with or without `SIG`, or a number; kept as it is written. */
export function parseStopSignal(text: string): string {
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  const isNumber = /^\d{1,2}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_SIGNAL;
  if (isNumber || Object.hasOwn(constants.signals, name) || REAL_TIME.test(upper)) return text;
  throw new RuntimeError("invalid", `invalid signal: ${text}`);
}
