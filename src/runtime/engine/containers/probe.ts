import { randomBytes } from "node:crypto";
import type { Health, ProbeResult } from "../../index.ts";
import { writeRun } from "./bundle.ts";
import type { Container, Run } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { type ExecProcess, startExecProcess } from "./exec-process.ts";
import {
  afterProbe,
  type HealthTiming,
  healthTiming,
  NEW_HEALTH,
  nextProbeDelayMs,
  probeCommand,
} from "./health.ts";

const MAX_OUTPUT_BYTES = 4096;
/** Containers started together must not probe together for ever. */
const JITTER = 0.05;
const MAX_JITTER_MS = 500;

/** Begins the health checks of a run, if it has any; they end with `stopProbing`. */
export function startProbing(ctx: ContainersContext, container: Container, known: Health = NEW_HEALTH): void {
  const { healthcheck } = container.effective;
  const command = healthcheck && probeCommand(healthcheck, container.record.imageConfig.shell);
  container.health = undefined;
  if (healthcheck === undefined || command === undefined) return;
  container.health = known;
  const end = new AbortController();
  container.stopProbes = () => end.abort();
  scheduleProbe(ctx, container, { command, timing: healthTiming(healthcheck), end: end.signal });
}

/** Docker shows a container that nobody probes any more as unhealthy. */
export function stopProbing(container: Container): void {
  container.stopProbes?.();
  container.stopProbes = undefined;
  if (container.health !== undefined) container.health = { ...container.health, status: "unhealthy" };
}

export function pauseProbing(container: Container): void {
  stopProbing(container);
}

export function resumeProbing(ctx: ContainersContext, container: Container): void {
  if (container.health !== undefined) startProbing(ctx, container, container.health);
}

interface Probing {
  readonly command: readonly string[];
  readonly timing: HealthTiming;
  readonly end: AbortSignal;
}

/** One after the other: the next waits from the end of the last. */
function scheduleProbe(ctx: ContainersContext, container: Container, probing: Probing): void {
  const { health, run } = container;
  if (health === undefined || run === undefined || probing.end.aborted || ctx.closing.aborted) return;
  const delayMs = nextProbeDelayMs(health, probing.timing, Date.now() - run.startedAt);
  const jitterMs = Math.random() * Math.min(delayMs * JITTER, MAX_JITTER_MS);
  const timer = setTimeout(() => {
    probing.end.removeEventListener("abort", cancel);
    probeOnce(ctx, container, probing)
      .catch((error) => ctx.log.warn("Cannot probe a container", { id: container.id, error }))
      .finally(() => scheduleProbe(ctx, container, probing));
  }, delayMs - jitterMs);
  const cancel = () => clearTimeout(timer);
  probing.end.addEventListener("abort", cancel, { once: true });
}

async function probeOnce(ctx: ContainersContext, container: Container, probing: Probing): Promise<void> {
  const begun = await ctx.probes.run(() => beginProbe(ctx, container, probing));
  if (begun === undefined) return;
  const result = await begun.result;
  const { run } = begun;
  if (probing.end.aborted || container.run !== run || container.health === undefined) return;
  const before = container.health;
  container.health = afterProbe(before, result, probing.timing, new Date(run.startedAt));
  if (container.health.status === before.status) return;
  announce(ctx, container, `health_status: ${container.health.status}`);
  // The next engine takes the container for what it was, not for one that has just started.
  await writeRun(ctx, container.id, { ...run, health: container.health.status });
}

interface BegunProbe {
  readonly run: Run;
  readonly result: Promise<ProbeResult>;
}

/** Resolves once its command runs, or cannot: what follows takes its own time, and may be long. */
async function beginProbe(
  ctx: ContainersContext,
  container: Container,
  { command, timing, end }: Probing,
): Promise<BegunProbe | undefined> {
  const { run } = container;
  if (end.aborted || ctx.closing.aborted || run === undefined) return undefined;
  const startedAt = new Date();
  const id = randomBytes(32).toString("hex");
  const words = command.join(" ");
  announce(ctx, container, `exec_create: ${words}`, { execID: id });
  let process: ExecProcess;
  try {
    process = await startExecProcess(ctx, container, {
      id,
      spec: { command },
      tty: false,
      stdin: false,
      stdout: true,
      stderr: true,
    });
  } catch (error) {
    const output = error instanceof Error ? error.message : String(error);
    return { run, result: Promise.resolve({ startedAt, endedAt: new Date(), exitCode: -1, output }) };
  }
  announce(ctx, container, `exec_start: ${words}`, { execID: id });
  await process.begun;
  const result = finish(process, timing, end).then((found) => {
    announce(ctx, container, "exec_die", { execID: id, exitCode: String(found.exitCode) });
    return { startedAt, endedAt: new Date(), ...found };
  });
  return { run, result };
}

/** How long one that is killed is waited for, so that those that cannot die do not pile up: as in dockerd. */
const KILL_PATIENCE_MS = 10_000;

/** On timeout the process is killed and waited for, but not whoever else holds its output. */
async function finish(
  process: ExecProcess,
  { timeoutMs }: HealthTiming,
  end: AbortSignal,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  const heard = hear(process);
  const isLate = await isLaterThan(process.exited, timeoutMs, end);
  if (isLate) {
    process.kill();
    await isLaterThan(process.exited, KILL_PATIENCE_MS);
    process.drain();
    const output = heard.text();
    return {
      exitCode: -1,
      output: `Health check exceeded timeout (${spanText(timeoutMs)})${output === "" ? "" : `: ${output}`}`,
    };
  }
  await heard.isOver;
  return { exitCode: await process.exited, output: heard.text() };
}

/** Whether it takes longer than that, or than until `end`. */
function isLaterThan(action: Promise<unknown>, ms: number, end?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isLate: boolean) => {
      clearTimeout(timer);
      end?.removeEventListener("abort", giveUp);
      resolve(isLate);
    };
    const giveUp = () => settle(true);
    const timer = setTimeout(giveUp, ms);
    end?.addEventListener("abort", giveUp, { once: true });
    if (end?.aborted) giveUp();
    void action.then(() => settle(false));
  });
}

/** The first bytes of what it says; the others are read, so that it is not held up, and dropped. */
function hear(process: ExecProcess): { text(): string; readonly isOver: Promise<void> } {
  const kept: Uint8Array[] = [];
  const read = async () => {
    let size = 0;
    for await (const { data } of process.output) {
      if (size < MAX_OUTPUT_BYTES) kept.push(data.subarray(0, MAX_OUTPUT_BYTES - size));
      size += data.length;
    }
  };
  return { text: () => Buffer.concat(kept).toString("utf8"), isOver: read() };
}

/** As Go prints a duration of whole or broken seconds. */
function spanText(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}
