import { constants } from "node:os";
import { RuntimeError } from "../../index.ts";

/** Real-time signals as Linux counts them under glibc. */
const FIRST_REAL_TIME = 34;
const LAST_SIGNAL = 64;

/** `SIGTERM`, `term`, `15`, `RTMIN+3` as a number; `invalid` for none of the kernel's. */
export function signalNumber(signal: string): number {
  const text = signal.toUpperCase().replace(/^SIG/, "");
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= LAST_SIGNAL) return number;
  }
  const named = (constants.signals as Readonly<Record<string, number>>)[`SIG${text}`];
  if (named !== undefined) return named;
  const [, base, sign, offset] = /^RT(MIN|MAX)(?:([+-])(\d+))?$/.exec(text) ?? [];
  if (base !== undefined) {
    const number = (base === "MIN" ? FIRST_REAL_TIME : LAST_SIGNAL) + Number(`${sign ?? "+"}${offset ?? 0}`);
    if (number >= FIRST_REAL_TIME && number <= LAST_SIGNAL) return number;
  }
  throw new RuntimeError("invalid", `invalid signal: ${signal}`);
}

export const SIGKILL = 9;
export const SIGTERM = 15;
const SIGINT = 2;
const SIGQUIT = 3;

/**
 * Whether a signal sent by hand says "stop": SIGKILL and the container's own stop signal; where none is
 * declared, also those by which a person ends a program. Any other (HUP, USR1, ...) leaves the restart policy
 * armed. dockerd disarms it for every signal then.
 */
export function isStopping(signal: number, declaredStopSignal: string | undefined): boolean {
  if (signal === SIGKILL) return true;
  if (declaredStopSignal !== undefined) return signal === signalNumber(declaredStopSignal);
  return [SIGTERM, SIGINT, SIGQUIT].includes(signal);
}
