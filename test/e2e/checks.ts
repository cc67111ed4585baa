import { existsSync } from "node:fs";
import { expect } from "vitest";
import { STACK_API, type StackEntry } from "../../src/daemon/stack-api.ts";
import type { Outcome, World } from "./world.ts";

/** A line of `ps --format json`. */
export interface PsRecord {
  readonly ID: string;
  readonly Name: string;
  readonly Service: string;
  readonly State: string;
  readonly Health: string;
  readonly ExitCode: number;
  readonly Image: string;
}

/** The stack's containers, running or not, by name. */
export async function containersOf(world: World, globals = ""): Promise<PsRecord[]> {
  const { stdout } = await world.stowage(`${globals} ps -a --format json`);
  return stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as PsRecord)
    .sort((a, b) => (a.Name < b.Name ? -1 : 1));
}

export async function containerOf(world: World, service: string, globals = ""): Promise<PsRecord> {
  const found = (await containersOf(world, globals)).filter((container) => container.Service === service);
  expect(found, `containers of ${service}`).toHaveLength(1);
  return found[0] as PsRecord;
}

/** `name state` of every container of the stack. */
export async function statesOf(world: World, globals = ""): Promise<string[]> {
  return (await containersOf(world, globals)).map(({ Name, State }) => `${Name} ${State}`);
}

/** Main process of a running container, as this machine numbers it. */
export async function pidOf(world: World, container: string): Promise<number> {
  const inspected = await engineCall(world, `/containers/${container}/json`);
  return (inspected as { readonly State: { readonly Pid: number } }).State.Pid;
}

/** A kill -9 of the daemon, as from outside; it is gone when this resolves. */
export async function killDaemon(world: World): Promise<void> {
  const pid = await world.daemonPid();
  process.kill(pid, "SIGKILL");
  await gone(pid);
}

export async function gone(pid: number): Promise<void> {
  await eventually(`process ${pid} is gone`, () => !existsSync(`/proc/${pid}`));
}

/** What the engine's own API says: state, not chatter. */
export async function engineCall(world: World, path: string, method = "GET"): Promise<unknown> {
  const { code, stdout, stderr } = await world.command("curl", [
    ...["-sS", "--max-time", "120", "-X", method],
    ...["--unix-socket", `${world.runDir}/stowage.sock`, `http://engine${path}`],
  ]);
  expect(code, stderr).toBe(0);
  return stdout === "" ? undefined : JSON.parse(stdout);
}

/** Waits until a check of state holds. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 120_000,
): Promise<T> {
  let last: unknown;
  const found = await expect
    .poll(
      async () => {
        try {
          last = await check();
          return last !== undefined && last !== false;
        } catch (error) {
          last = error;
          return false;
        }
      },
      { timeout: timeoutMs, interval: 100 },
    )
    .toBe(true)
    .then(
      () => true,
      () => false,
    );
  if (!found) throw new Error(`${what}: not within ${timeoutMs} ms (last: ${String(last)})`);
  return last as T;
}

/** The page at a published port, by curl. */
export async function page(world: World, port: number, path = "/"): Promise<string> {
  const { code, stdout, stderr } = await world.command("curl", [
    ...["-sS", "--fail", "--max-time", "60"],
    `http://127.0.0.1:${port}${path}`,
  ]);
  if (code !== 0) throw new Error(`curl: ${stderr}`);
  return stdout;
}

/** Nothing differs between the file and the world. */
export async function expectNothingToDo(world: World, globals = ""): Promise<void> {
  const plan = await world.attempt(`${globals} plan --detailed-exitcode`);
  expect(plan.code, plan.stdout + plan.stderr).toBe(0);
}

/** Refused: the code, something that the message says, no stack trace, and nothing made. */
export function expectRefusal(outcome: Outcome, code: number, ...says: readonly (string | RegExp)[]): void {
  const text = outcome.stdout + outcome.stderr;
  for (const words of says)
    expect(text).toMatch(words instanceof RegExp ? words : new RegExp(literal(words)));
  expect(text).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(outcome.code, text).toBe(code);
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** When a container's process was started, as the engine says it. */
export async function startedAt(world: World, service: string): Promise<string> {
  const { ID } = await containerOf(world, service);
  const { State } = (await engineCall(world, `/containers/${ID}/json`)) as { State: { StartedAt: string } };
  return State.StartedAt;
}

/** Waits until the daemon has looked at the stack and found nothing more to do. */
export async function settled(world: World, stackName: string): Promise<void> {
  await eventually(`${stackName} is settled`, async () => {
    const entry = (await engineCall(world, `${STACK_API}/stacks/${stackName}`)) as StackEntry | null;
    return entry?.status?.state === "settled";
  });
}
