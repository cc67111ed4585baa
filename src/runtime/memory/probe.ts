import type { Health } from "../index.ts";
import { environmentOf, healthcheckOf, hostnameOf } from "./container-view.ts";
import { SimulatedProcess } from "./process.ts";
import { type ContainerRecord, containerEvent, type World } from "./world.ts";

/** Probes one run of a container until it ends, as Docker's rules say (first after one interval, never two at once). */
export function probe(world: World, record: ContainerRecord): void {
  const check = healthcheckOf(record);
  if (check?.test === undefined) {
    delete record.health;
    return;
  }
  const { signal } = record.run;
  const argv = check.test[0] === "CMD-SHELL" ? ["/bin/sh", "-c", check.test[1] ?? ""] : check.test.slice(1);
  const timing = {
    intervalMs: check.intervalMs ?? 30_000,
    timeoutMs: check.timeoutMs ?? 30_000,
    startPeriodMs: check.startPeriodMs ?? 0,
    startIntervalMs: check.startIntervalMs ?? 5_000,
    retries: check.retries ?? 3,
  };
  record.health = { status: "starting", failingStreak: 0, log: [] };
  const startedAtMs = world.clock.now();
  loop().catch(() => undefined);

  async function loop(): Promise<void> {
    for (;;) {
      const isEarly =
        record.health?.status === "starting" && world.clock.now() - startedAtMs < timing.startPeriodMs;
      await world.clock.sleep(isEarly ? timing.startIntervalMs : timing.intervalMs, signal);
      if (record.status === "paused") continue;
      const began = world.clock.now();
      const { exitCode, output } = await attempt();
      if (signal.aborted) return;
      settle(began, exitCode, output);
    }
  }

  async function attempt(): Promise<{ readonly exitCode: number; readonly output: string }> {
    let output = "";
    const program = world.programFor(argv, record.spec, "probe");
    if (program === undefined) return { exitCode: 127, output: `exec: "${argv[0]}": not found` };
    const child = new SimulatedProcess(program, {
      argv,
      env: environmentOf(record),
      user: record.spec.user ?? "",
      workingDir: record.spec.workingDir ?? "/",
      hostname: hostnameOf(record),
      files: record.files,
      clock: world.clock,
      isFirst: false,
      output: (_stream, data) => {
        output += Buffer.from(data).toString();
      },
    });
    child.stdin.close();
    const end = new AbortController();
    const isLate = world.clock.sleep(timing.timeoutMs, AbortSignal.any([signal, end.signal])).then(
      () => true,
      () => false,
    );
    const result = await Promise.race([child.exited, isLate]);
    if (typeof result === "number") {
      end.abort();
      return { exitCode: result, output: output.slice(0, 4096) };
    }
    child.signal("KILL");
    return { exitCode: -1, output: `Health check exceeded timeout (${timing.timeoutMs / 1000}s)` };
  }

  function settle(beganMs: number, exitCode: number, output: string): void {
    const before: Health = record.health ?? { status: "starting", failingStreak: 0, log: [] };
    const isForgiven = before.status === "starting" && beganMs - startedAtMs < timing.startPeriodMs;
    const failingStreak = exitCode === 0 ? 0 : before.failingStreak + (isForgiven ? 0 : 1);
    const status = exitCode === 0 ? "healthy" : failingStreak >= timing.retries ? "unhealthy" : before.status;
    const result = { startedAt: new Date(beganMs), endedAt: new Date(world.clock.now()), exitCode, output };
    record.health = { status, failingStreak, log: [...before.log, result].slice(-5) };
    if (status !== before.status) containerEvent(world, record, `health_status: ${status}`);
  }
}
