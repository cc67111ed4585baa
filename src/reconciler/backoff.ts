const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/** After so many failures in a row a stack is stuck: it is looked at rarely, and said so. */
export const STUCK_AFTER = 8;

/** How long to wait before the next attempt, after `failures` in a row (from 1). */
export function delayAfter(failures: number): number {
  return Math.min(FIRST_MS * 2 ** Math.max(0, failures - 1), LONGEST_MS);
}

const WINDOW_MS = 600_000;
const MOST_REPAIRS = 10;

/** Repairs that succeed but are undone again and again are a fight with somebody, not progress. */
export function isFighting(repairTimesMs: readonly number[], nowMs: number): boolean {
  return repairTimesMs.filter((timeMs) => nowMs - timeMs < WINDOW_MS).length > MOST_REPAIRS;
}

export function recent(repairTimesMs: readonly number[], nowMs: number): readonly number[] {
  return repairTimesMs.filter((timeMs) => nowMs - timeMs < WINDOW_MS);
}
