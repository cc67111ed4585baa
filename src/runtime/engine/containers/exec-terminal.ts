import { randomBytes } from "node:crypto";
import { closeSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { RuntimeError } from "../../index.ts";
import { loadPtyCalls, type Program, type PtyCalls, spawnProgram, Terminal } from "../host/index.ts";
import type { OciRuntime } from "../oci/oci-runtime.ts";
import { exitCodeOf, programEnv } from "../oci/run-program.ts";
import type { ExecRequest, RawExec } from "./exec-process.ts";

export interface TerminalExec {
  readonly oci: OciRuntime;
  /** Of the OCI runtime's `exec`, without what is about the terminal. */
  readonly globalArgs: readonly string[];
  readonly execArgs: readonly string[];
  /** Where a socket may lie. */
  readonly runDir: string;
}

/** `exec` of the OCI runtime, of a process with a terminal. */
export async function spawnInTerminal(exec: TerminalExec, request: ExecRequest): Promise<RawExec> {
  const calls = await loadPtyCalls();
  if (calls === undefined)
    throw new RuntimeError("unsupported", "Cannot make a terminal: the package koffi cannot be loaded");
  return exec.oci.name === "crun" ? takeTerminal(calls, exec, request) : giveTerminal(calls, exec, request);
}

/** crun hands over the terminal that it makes: with one around it, 1.8.1 ends without having passed on the last output. */
function takeTerminal(
  calls: PtyCalls,
  { oci, globalArgs, execArgs, runDir }: TerminalExec,
  request: ExecRequest,
): RawExec {
  const path = join(runDir, `tty-${randomBytes(6).toString("hex")}`);
  const listener = calls.listen(path);
  if (listener === undefined)
    throw new RuntimeError("exhausted", `Cannot make a terminal: no socket can be opened at ${path}`);
  const child = spawn(oci, [...globalArgs, "exec", "--console-socket", path, ...execArgs], "ignore");
  const ended = exitCodeOf(child);
  const taken = take(calls, listener, ended).finally(() => {
    closeSync(listener);
    unlinkSync(path);
  });
  const resize: RawExec["resize"] = (size) => void taken.then((terminal) => terminal?.resize(size));
  if (request.consoleSize !== undefined) resize(request.consoleSize);
  return { ...around(child, taken, request, ended), resize };
}

/** How often to look whether the terminal has come. */
const LOOK_MS = 2;

/** Undefined when the program ends without having sent one. */
async function take(
  calls: PtyCalls,
  listener: number,
  ended: Promise<unknown>,
): Promise<Terminal | undefined> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  let connection: number | undefined;
  for (;;) {
    // Looked at before the socket: what was sent before the end is found.
    const isLast = isOver;
    connection ??= calls.accept(listener);
    const master = connection === undefined ? undefined : calls.receiveDescriptor(connection);
    const slave = master === undefined ? undefined : calls.slaveOf(master);
    const isTaken = master !== undefined && slave !== undefined;
    if (connection !== undefined && (isTaken || isLast)) closeSync(connection);
    if (isTaken) return new Terminal(calls, { master, slave });
    if (isLast) return undefined;
    await Promise.race([ended, sleep(LOOK_MS)]);
  }
}

const DEFAULT_SIZE = { rows: 24, columns: 80 };

/** runc makes one of its own inside, and passes on what comes and goes. */
function giveTerminal(
  calls: PtyCalls,
  { oci, globalArgs, execArgs }: TerminalExec,
  request: ExecRequest,
): RawExec {
  const ends = calls.open();
  if (ends === undefined)
    throw new RuntimeError("exhausted", "Cannot make a terminal: the machine has none left");
  const terminal = new Terminal(calls, ends);
  terminal.resize(DEFAULT_SIZE);
  if (request.consoleSize !== undefined) terminal.resize(request.consoleSize);
  const child = spawn(oci, [...globalArgs, "exec", ...execArgs], ends.slave);
  return {
    ...around(child, Promise.resolve(terminal), request, exitCodeOf(child)),
    resize: (size) => {
      terminal.resize(size);
      // The kernel tells whose controlling terminal it is; runc only has it open.
      child.kill("SIGWINCH");
    },
  };
}

/** `coming`: undefined when there will be none. */
function around(
  child: Program,
  coming: Promise<Terminal | undefined>,
  { stdout }: ExecRequest,
  ended: Promise<number>,
): Omit<RawExec, "resize"> {
  // At once, before the terminal: who starts an exec hears of it before its output.
  const output = new PassThrough();
  void coming.then((terminal) => {
    if (terminal === undefined) output.end();
    else terminal.output.pipe(output);
    void ended.then(() => terminal?.finish());
  });
  if (!stdout) output.resume();
  return {
    streams: stdout ? [{ stream: "stdout", readable: output }] : [],
    exited: ended,
    write: async (data) => (await coming)?.write(data),
    // A terminal has no end of input: that is a character.
    end: () => {},
    kill: () => void child.kill("SIGKILL"),
  };
}

function spawn(oci: OciRuntime, args: readonly string[], stdio: "ignore" | number): Program {
  return spawnProgram(oci.path, args, {
    stdio: [stdio, stdio, stdio],
    env: programEnv({ TERM: "xterm" }),
    detached: true,
  });
}
