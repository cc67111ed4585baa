import type { RestartPolicy } from "../../index.ts";

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 60_000;
/** A run at least this long starts the delays anew. */
const CALM_MS = 10_000;

export interface ExitFacts {
  readonly policy: RestartPolicy;
  readonly exitCode: number;
  /** Restarts by the policy so far. */
  readonly restartCount: number;
  /** Somebody stopped it: no policy brings it back while this daemon lives. */
  readonly wasStopped: boolean;
  readonly ranForMs: number;
  /** The delay before the run that ended; undefined for the first. */
  readonly lastDelayMs: number | undefined;
}

export type RestartDecision =
  | { readonly restart: false }
  | { readonly restart: true; readonly delayMs: number };

/**
 * Whether a container that ended starts again, and after how long: Docker's rules (moby restartmanager): 100 ms,
 * doubled each time, at most a minute, from the start again after a run of 10 s.
 */
export function decideRestart(facts: ExitFacts): RestartDecision {
  if (facts.wasStopped || !wants(facts)) return { restart: false };
  const isCalm = facts.lastDelayMs === undefined || facts.ranForMs >= CALM_MS;
  const delayMs = isCalm ? FIRST_DELAY_MS : Math.min((facts.lastDelayMs ?? 0) * 2, LONGEST_DELAY_MS);
  return { restart: true, delayMs };
}

function wants({ policy, exitCode, restartCount }: Pick<ExitFacts, "policy" | "exitCode" | "restartCount">) {
  switch (policy.name) {
    case "no":
      return false;
    case "always":
    case "unless-stopped":
      return true;
    case "on-failure":
      return exitCode !== 0 && (policy.maximumRetryCount === 0 || restartCount < policy.maximumRetryCount);
  }
}

export interface BootFacts {
  readonly policy: RestartPolicy;
  readonly exitCode: number;
  readonly restartCount: number;
  readonly wasStoppedManually: boolean;
  readonly hasBeenStarted: boolean;
}

/**
 * Whether a container that is not running starts when the engine opens. `always` comes back even when somebody
 * had stopped it (Docker's); a failed container that somebody stopped or killed stays so, as Docker's
 * documentation says (dockerd itself starts it again).
 */
export function startsAtBoot(facts: BootFacts): boolean {
  if (!facts.hasBeenStarted || !wants(facts)) return false;
  return facts.policy.name === "always" || !facts.wasStoppedManually;
}
