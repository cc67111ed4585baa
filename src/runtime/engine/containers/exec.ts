import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ExecInfo, type ExecSpec, RuntimeError, type Session } from "../../index.ts";
import type { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import { rootOfRunning } from "./container-root.ts";
import type { ContainersContext } from "./context.ts";
import { type ExecProcess, startExecProcess } from "./exec-process.ts";
import { isAlive } from "./record.ts";
import { userFiles } from "./user-files.ts";
import { lookUpUser } from "./user-lookup.ts";

/** A command to be run, running, or done, inside a container. Known for a while after its end. */
export class ExecState {
  readonly id = randomBytes(32).toString("hex");
  readonly container: Container;
  readonly spec: ExecSpec;
  hasStarted = false;
  process: ExecProcess | undefined;
  exitCode: number | undefined;
  endedAt: number | undefined;

  constructor(container: Container, spec: ExecSpec) {
    this.container = container;
    this.spec = spec;
  }

  info(): ExecInfo {
    const isRunning = this.hasStarted && this.exitCode === undefined;
    return {
      id: this.id,
      containerId: this.container.id,
      spec: this.spec,
      isRunning,
      ...(this.exitCode === undefined ? {} : { exitCode: this.exitCode }),
      pid: isRunning ? (this.process?.pid() ?? 0) : 0,
    };
  }
}

/** How long the result of an exec can be asked for. */
const REMEMBERED_MS = 5 * 60_000;

/** See `Containers.createExec`. */
export function createExec(ctx: ContainersContext, nameOrId: string, spec: ExecSpec): string {
  const container = ctx.table.find(nameOrId);
  if (spec.command.length === 0) throw new RuntimeError("invalid", "No exec command specified");
  refuseUnlessRunning(container);
  refuseUnknownUser(container, spec);
  ctx.cgroups.expectMove();
  forgetOld(ctx);
  const exec = new ExecState(container, spec);
  ctx.execs.set(exec.id, exec);
  container.execs.add(exec.id);
  announceExec(ctx, exec, "exec_create");
  return exec.id;
}

function refuseUnlessRunning({ record }: Container): void {
  if (record.state.status === "paused")
    throw new RuntimeError(
      "conflict",
      `Container ${record.name} is paused, unpause the container before exec`,
    );
  if (record.state.status === "restarting")
    throw new RuntimeError(
      "conflict",
      `Container ${record.id} is restarting, wait until the container is running`,
    );
  if (!isAlive(record.state)) throw new RuntimeError("conflict", `container ${record.id} is not running`);
}

/** Here, where a client shows why it is refused: what is said to a connection that is to be taken over, none does. */
function refuseUnknownUser({ run, record }: Container, { user = "" }: ExecSpec): void {
  if (run === undefined || user === "") return;
  using root = rootOfRunning(run);
  lookUpUser({ user, groupAdd: record.spec.groupAdd ?? [], ...userFiles(root) });
}

function forgetOld(ctx: ContainersContext): void {
  const oldest = Date.now() - REMEMBERED_MS;
  for (const exec of ctx.execs.values()) {
    if (exec.endedAt === undefined || exec.endedAt > oldest) continue;
    ctx.execs.delete(exec.id);
    exec.container.execs.delete(exec.id);
  }
}

export function findExec(ctx: ContainersContext, execId: string): ExecState {
  const exec = ctx.execs.get(execId);
  if (exec === undefined) throw new RuntimeError("not-found", `No such exec instance: ${execId}`);
  return exec;
}

export interface StartExecOptions {
  readonly detach?: boolean;
  readonly tty?: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

/** See `Containers.startExec`. */
export async function startExec(
  ctx: ContainersContext,
  execId: string,
  { detach = false, tty, consoleSize }: StartExecOptions = {},
): Promise<Session | undefined> {
  const exec = findExec(ctx, execId);
  const { spec, container } = exec;
  if (exec.hasStarted) throw new RuntimeError("conflict", `exec command ${execId} has already run`);
  refuseUnlessRunning(container);
  exec.hasStarted = true;
  const size = consoleSize ?? spec.consoleSize;
  try {
    exec.process = await startExecProcess(ctx, container, {
      id: exec.id,
      spec,
      tty: tty ?? spec.tty ?? false,
      stdin: !detach && spec.attachStdin === true,
      stdout: !detach && spec.attachStdout !== false,
      stderr: !detach && spec.attachStderr !== false,
      ...(size === undefined ? {} : { consoleSize: size }),
    });
  } catch (error) {
    exec.exitCode = 126;
    exec.endedAt = Date.now();
    throw error;
  }
  announceExec(ctx, exec, "exec_start");
  noteExit(ctx, exec, exec.process);
  if (!detach) return sessionOf(exec, exec.process);
  await refuseUnlessBegun(exec, exec.process);
  exec.process.drain();
  return undefined;
}

/** How often to look whether a detached command has begun. */
const LOOK_MS = 5;

/** What a command says, nobody hears of a detached one; that there is none to say anything, its starter has to. */
async function refuseUnlessBegun(exec: ExecState, process: ExecProcess): Promise<void> {
  while (process.pid() === 0 && exec.exitCode === undefined) await sleep(LOOK_MS);
  if (process.pid() > 0) return;
  for await (const { data } of process.output)
    throw new RuntimeError("invalid", Buffer.from(data).toString("utf8").trim());
}

function noteExit(ctx: ContainersContext, exec: ExecState, process: ExecProcess): void {
  void process.exited.then((exitCode) => {
    exec.exitCode = exitCode;
    exec.endedAt = Date.now();
    // What has not begun does not die.
    if (process.pid() > 0)
      announce(ctx, exec.container, "exec_die", { execID: exec.id, exitCode: String(exitCode) });
  });
}

function announceExec(ctx: ContainersContext, exec: ExecState, action: "exec_create" | "exec_start"): void {
  const [program = "", ...args] = exec.spec.command;
  announce(ctx, exec.container, `${action}: ${program} ${args.join(" ")}`, { execID: exec.id });
}

function sessionOf(exec: ExecState, process: ExecProcess): Session {
  const { spec } = exec;
  const wanted = (stream: string) =>
    stream === "stdout" ? spec.attachStdout !== false : spec.attachStderr !== false;
  const output = endable(process.output);
  return {
    output: (async function* () {
      try {
        for await (const chunk of output.items) if (wanted(chunk.stream)) yield chunk;
        // Whoever saw the end of the output may ask for the exit code.
        if (!output.isEnded()) await process.exited;
      } finally {
        process.drain();
      }
    })(),
    write: (data) => process.write(data),
    end: async () => process.end(),
    resize: async (size) => process.resize(size),
    close: () => {
      output.end();
      process.drain();
    },
  };
}

/** The same items, until `end` is called. */
function endable<T>(source: AsyncIterable<T>) {
  const iterator = source[Symbol.asyncIterator]();
  let hasEnded = false;
  let wake = () => {};
  const next = () =>
    new Promise<IteratorResult<T, unknown>>((resolve, reject) => {
      wake = () => resolve({ done: true, value: undefined });
      if (hasEnded) wake();
      else iterator.next().then(resolve, reject);
    });
  return {
    items: { [Symbol.asyncIterator]: () => ({ next }) },
    isEnded: () => hasEnded,
    end: () => {
      hasEnded = true;
      wake();
    },
  };
}

/** See `Containers.resizeExec`. */
export function resizeExec(
  ctx: ContainersContext,
  execId: string,
  size: { readonly rows: number; readonly columns: number },
): void {
  const exec = findExec(ctx, execId);
  if (exec.process === undefined || exec.exitCode !== undefined)
    throw new RuntimeError("not-found", `NotFound: process does not exist ${execId}: not found`);
  exec.process.resize(size);
}
