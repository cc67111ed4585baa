import { setImmediate as nextTurn } from "node:timers/promises";

/** The largest of what is measured until the work is done. */
export async function mostDuring(work: Promise<unknown>, measure: () => number): Promise<number> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  let most = measure();
  while (!isDone) {
    await nextTurn();
    most = Math.max(most, measure());
  }
  return most;
}
