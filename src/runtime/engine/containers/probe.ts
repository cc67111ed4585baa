import { randomBytes } from "node:crypto";
import type { Health, ProbeResult } from "../../index.ts";
import { writeRun } from "./bundle.ts";
import type { Container } from "./container.ts";
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
    ctx.probes
      .run(() => probeOnce(ctx, container, probing))
      .catch((error) => ctx.log.warn("Cannot probe a container", { id: container.id, error }))
      .finally(() => scheduleProbe(ctx, container, probing));
  }, delayMs - jitterMs);
  const cancel = () => clearTimeout(timer);
  probing.end.addEventListener("abort", cancel, { once: true });
}

async function probeOnce(ctx: ContainersContext, container: Container, probing: Probing): Promise<void> {
  const { run, health } = container;
  if (probing.end.aborted || ctx.closing.aborted || run === undefined || health === undefined) return;
  const result = await runProbe(ctx, container, probing);
  if (probing.end.aborted || container.run !== run || container.health === undefined) return;
  const before = container.health;
  container.health = afterProbe(before, result, probing.timing, new Date(run.startedAt));
  if (container.health.status === before.status) return;
  announce(ctx, container, `health_status: ${container.health.status}`);
  // The next engine takes the container for what it was, not for one that has just started.
  await writeRun(ctx, container.id, { ...run, health: container.health.status });
}

async function runProbe(
  ctx: ContainersContext,
  container: Container,
  { command, timing, end }: Probing,
): Promise<ProbeResult> {
  const startedAt = new Date();
  const id = randomBytes(32).toString("hex");
  const words = command.join(" ");
  announce(ctx, container, `exec_create: ${words}`, { execID: id });
  const failed = (output: string) => ({ startedAt, endedAt: new Date(), exitCode: -1, output });
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
    return failed(error instanceof Error ? error.message : String(error));
  }
  announce(ctx, container, `exec_start: ${words}`, { execID: id });
  const { exitCode, output } = await finish(process, timing, end);
  announce(ctx, container, "exec_die", { execID: id, exitCode: String(exitCode) });
  return { startedAt, endedAt: new Date(), exitCode, output };
}

/** On timeout the process is killed and waited for. */
async function finish(
  process: ExecProcess,
  { timeoutMs }: HealthTiming,
  end: AbortSignal,
): Promise<{ readonly exitCode: number; readonly output: string }> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    process.kill();
  }, timeoutMs);
  const kill = () => process.kill();
  end.addEventListener("abort", kill, { once: true });
  try {
    const [output, exitCode] = await Promise.all([firstBytes(process), process.exited]);
    if (!isLate) return { exitCode, output };
    return {
      exitCode: -1,
      output: `Health check exceeded timeout (${spanText(timeoutMs)})${output === "" ? "" : `: ${output}`}`,
    };
  } finally {
    clearTimeout(timer);
    end.removeEventListener("abort", kill);
  }
}

async function firstBytes(process: ExecProcess): Promise<string> {
  const kept: Uint8Array[] = [];
  let size = 0;
  for await (const { data } of process.output) {
    if (size < MAX_OUTPUT_BYTES) kept.push(data.subarray(0, MAX_OUTPUT_BYTES - size));
    size += data.length;
  }
  return Buffer.concat(kept).toString("utf8");
}

/** As Go prints a duration of whole or broken seconds. */
function spanText(ms: number): string {
  return ms < 1000 ? `${ms}ms` : `${ms / 1000}s`;
}
