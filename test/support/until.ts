import { setTimeout as sleep } from "node:timers/promises";

/** Looks again and again until it holds; fails after `patienceMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = "the condition",
  patienceMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true in ${patienceMs} ms`);
    await sleep(20);
  }
}
