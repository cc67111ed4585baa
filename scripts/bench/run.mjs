// Running programs, timing them, and summing up what was timed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";

/** Runs a program to its end; rejects with its output when it fails. Resolves to its time and standard output. */
export async function run(command, args, { cwd, env, input } = {}) {
  const child = spawn(command, args, {
    cwd,
    env,
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  // spawn() returns when the program has taken the fork's place. What Node's fork costs is the bench's own, 20 ms and
  // more on some virtual machines: counted, it would bring the ratio of every short command nearer to 1.
  const startedAt = performance.now();
  if (input !== undefined) input.pipe(child.stdin);
  const stdout = [];
  const stderr = [];
  child.stdout.on("data", (chunk) => stdout.push(chunk));
  child.stderr.on("data", (chunk) => stderr.push(chunk));
  const [code] = await once(child, "close");
  const ms = performance.now() - startedAt;
  const text = Buffer.concat(stdout).toString();
  if (code !== 0) {
    throw new Error(
      `${command} ${args.join(" ")} ended with ${code}:\n${text}${Buffer.concat(stderr).toString()}`,
    );
  }
  return { ms, stdout: text };
}

/** Asks again until the answer is true; rejects after `timeoutMs`. */
export async function until(condition, what, timeoutMs = 30_000) {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Times each side of each case in turn, so that whatever else the machine does falls on all of them.
 * `sides` are names; `measure(side)` resolves to `{ name: milliseconds }`.
 */
export async function interleave(sides, rounds, measure) {
  const times = Object.fromEntries(sides.map((side) => [side, {}]));
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? sides : [...sides].reverse();
    for (const side of order) {
      for (const [name, ms] of Object.entries(await measure(side, round))) {
        times[side][name] ??= [];
        times[side][name].push(ms);
      }
    }
  }
  return times;
}
