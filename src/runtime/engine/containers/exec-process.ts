import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isMissing } from "../../../lib/atomic-file.ts";
import { type ExecSpec, type OutputChunk, RuntimeError } from "../../index.ts";
import { spawnProgram } from "../host/index.ts";
import { baseProcess, processEnv } from "../oci/config.ts";
import { execFailure, lastLoggedError } from "../oci/failure.ts";
import { ociText } from "../oci/oci-text.ts";
import { exitCodeOf, programEnv } from "../oci/run-program.ts";
import type { OciProcess } from "../oci/types.ts";
import type { Container, Run } from "./container.ts";
import { rootOfRunning } from "./container-root.ts";
import type { ContainersContext } from "./context.ts";
import { spawnInTerminal } from "./exec-terminal.ts";
import { mergeOutput, type OutputSource, outputsOf } from "./merge-output.ts";
import { userFiles } from "./user-files.ts";
import { lookUpUser } from "./user-lookup.ts";

export interface ExecRequest {
  readonly id: string;
  readonly spec: ExecSpec;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

/** A process that `exec` of the OCI runtime runs inside a container, our child as long as we live. */
export interface ExecProcess {
  /** Ends soon after the process, though others that it has started could write more. */
  readonly output: AsyncIterable<OutputChunk>;
  /** Resolves when its program runs, or never will; or when that takes long. */
  readonly begun: Promise<void>;
  /** Never rejects; 126 or 127 when the program could not be started. */
  readonly exited: Promise<number>;
  /** Host pid; 0 before it runs. */
  pid(): number;
  write(data: Uint8Array): Promise<void>;
  end(): void;
  resize(size: { readonly rows: number; readonly columns: number }): void;
  /** Ends the process itself: the one inside, not only our child. */
  kill(): void;
  /** Throws further output away, so that nobody's not reading stops the process. */
  drain(): void;
}

/** What an implementation (pipes or a terminal) has to bring. */
export interface RawExec {
  readonly streams: readonly OutputSource[];
  readonly exited: Promise<number>;
  write(data: Uint8Array): Promise<void>;
  end(): void;
  resize(size: { readonly rows: number; readonly columns: number }): void;
  kill(): void;
}

/** Starts it; rejects with `invalid` for an unknown user, else every failure is an exit code with a text. */
export async function startExecProcess(
  ctx: ContainersContext,
  container: Container,
  request: ExecRequest,
): Promise<ExecProcess> {
  const { run } = container;
  if (run === undefined) throw new RuntimeError("conflict", `container ${container.id} is not running`);
  const base = join(ctx.layout.bundleDir(container.id), `exec-${request.id}`);
  const files = { process: `${base}.json`, pid: `${base}.pid`, log: `${base}.log` };
  const text = ociText(execProcess(ctx, container, run, request));
  try {
    // At once: it is one kilobyte in memory, and each asynchronous step of a write waits for a thread.
    writeFileSync(files.process, text);
  } catch (cause) {
    // The run ended meanwhile, and its bundle with it.
    if (!isMissing(cause)) throw cause;
    throw new RuntimeError("conflict", `container ${container.id} is not running`, { cause });
  }
  const globalArgs = ["--root", ctx.oci.stateDir, "--log", files.log, "--log-format=json"];
  const execArgs = ["--process", files.process, "--pid-file", files.pid, container.id];
  const { oci } = ctx;
  const raw = request.tty
    ? await spawnInTerminal({ oci, globalArgs, execArgs, runDir: ctx.layout.runDir }, request)
    : spawnWithPipes(oci.path, [...globalArgs, "exec", ...execArgs], request);
  const begun = begin(raw, files.pid);
  container.entering.add(begun);
  void begun.then(() => container.entering.delete(begun));
  return watched(raw, { files, begun, request });
}

/** The process of an exec: the container's, with the exec's own wishes over it. */
function execProcess(
  ctx: ContainersContext,
  container: Container,
  run: Run,
  { spec, tty, consoleSize }: ExecRequest,
): OciProcess {
  const { record, effective } = container;
  using root = rootOfRunning(run);
  const hostname = effective.hostname;
  return {
    ...baseProcess(
      { spec: record.spec, machine: ctx.machine },
      spec.privileged === true || record.spec.privileged === true,
    ),
    terminal: tty,
    ...(tty && consoleSize !== undefined
      ? { consoleSize: { height: consoleSize.rows, width: consoleSize.columns } }
      : {}),
    user: lookUpUser({
      user: spec.user === undefined || spec.user === "" ? effective.user : spec.user,
      groupAdd: record.spec.groupAdd ?? [],
      ...userFiles(root),
    }),
    args: spec.command,
    env: processEnv([...(run.linkEnv ?? []), ...effective.env, ...(spec.env ?? [])], {
      hostname,
      tty,
    }),
    cwd: [spec.workingDir, effective.workingDir].find((path) => path !== undefined && path !== "") ?? "/",
  };
}

function spawnWithPipes(file: string, args: readonly string[], request: ExecRequest): RawExec {
  const child = spawnProgram(file, args, {
    stdio: [
      request.stdin ? "pipe" : "ignore",
      request.stdout ? "pipe" : "ignore",
      // Needed in any case: what runc itself has to say comes here.
      "pipe",
    ],
    env: programEnv(),
    // Ctrl-C at a daemon in the foreground is the daemon's, not its execs'.
    detached: true,
  });
  child.stdin?.on("error", () => {});
  return {
    streams: outputsOf(child),
    exited: exitCodeOf(child),
    write: (data) =>
      new Promise((resolve, reject) => {
        if (child.stdin === null) reject(new RuntimeError("invalid", "The process's stdin is not attached"));
        else
          child.stdin.write(data, (cause) => {
            if (cause) reject(new RuntimeError("conflict", "The process's stdin is closed", { cause }));
            else resolve();
          });
      }),
    end: () => child.stdin?.end(),
    resize: () => {},
    kill: () => child.kill("SIGKILL"),
  };
}

interface ExecFiles {
  readonly process: string;
  readonly pid: string;
  readonly log: string;
}

/** How often to look whether the program has begun. */
const LOOK_MS = 5;
/** Nobody waits longer for that. */
const BEGIN_PATIENCE_MS = 2_000;

/** Resolves when runc has written the pid file, or has ended without. */
async function begin(raw: RawExec, pidPath: string): Promise<void> {
  let isOver = false;
  void raw.exited.then(() => {
    isOver = true;
  });
  const deadline = Date.now() + BEGIN_PATIENCE_MS;
  while (!isOver && readPid(pidPath) === 0 && Date.now() < deadline)
    await Promise.race([raw.exited, sleep(LOOK_MS)]);
}

/** How long what a process has started, and lives on, is heard after it: as in dockerd. */
const LATE_OUTPUT_MS = 2_000;

/**
 * Tells runc's own failure from the program's: runc writes the pid file when the program has started. What comes
 * on stderr before that is held back, because it may be runc's complaint.
 */
function watched(
  raw: RawExec,
  {
    files,
    begun,
    request,
  }: { readonly files: ExecFiles; readonly begun: Promise<void>; readonly request: ExecRequest },
): ExecProcess {
  const program = request.spec.command[0] ?? "";
  // What nobody listens to is thrown away at the program's end, which may come before anybody does.
  for (const { readable } of raw.streams) readable.on("readable", () => undefined);
  let failure: { readonly text: string; readonly exitCode: number } | undefined;
  const pid = () => readPid(files.pid);
  let lastPid = 0;
  const exited = raw.exited.then(async (code) => {
    lastPid = pid();
    if (code === 255 && lastPid === 0) failure = await readFailure(files.log, program);
    for (const path of Object.values(files)) unlinkQuietly(path);
    return failure?.exitCode ?? code;
  });
  const end = endOfOutput(raw, request);
  let isDraining = false;
  return {
    output: {
      [Symbol.asyncIterator]: () =>
        watchedOutput(raw, {
          hasStarted: () => lastPid > 0 || pid() > 0,
          exited,
          failure: () => failure,
          end,
        }),
    },
    begun,
    exited,
    pid: () => lastPid || pid(),
    write: raw.write,
    end: raw.end,
    resize: raw.resize,
    kill: () => {
      void begun.then(() => {
        const inside = pid();
        if (inside > 0) killQuietly(inside);
        else raw.kill();
        // runc waits for whoever else holds the output.
        setTimeout(raw.kill, LATE_OUTPUT_MS).unref();
      });
    },
    drain: () => {
      if (isDraining) return;
      isDraining = true;
      // Who listens for readable data keeps a stream from flowing.
      for (const { readable } of raw.streams) readable.removeAllListeners("readable").resume();
      const close = () => {
        for (const { readable } of raw.streams) readable.destroy();
      };
      if (end.aborted) close();
      else end.addEventListener("abort", close, { once: true });
    },
  };
}

/**
 * Aborts when nobody is heard any more. A terminal ends by itself, with the process; and what nobody wanted to hear,
 * dockerd has sent to `/dev/null`, where a program may write for as long as it runs.
 */
function endOfOutput({ exited }: RawExec, { tty, stdout, stderr }: ExecRequest): AbortSignal {
  const end = new AbortController();
  if (!tty && (stdout || stderr))
    void exited.then(() => setTimeout(() => end.abort(), LATE_OUTPUT_MS).unref());
  return end.signal;
}

interface ExecProgress {
  readonly hasStarted: () => boolean;
  readonly exited: Promise<number>;
  readonly failure: () => { readonly text: string } | undefined;
  readonly end: AbortSignal;
}

async function* watchedOutput(raw: RawExec, progress: ExecProgress): AsyncGenerator<OutputChunk, void, void> {
  const isTerminal = raw.streams.every(({ stream }) => stream === "stdout");
  const chunks = mergeOutput(raw.streams, progress.end);
  const held: OutputChunk[] = [];
  let next = chunks.next();
  let isPassing = false;
  for (;;) {
    const isLook: boolean = !isPassing && held.length > 0;
    const result: IteratorResult<OutputChunk, void> | undefined = await (isLook
      ? Promise.race([next, sleep(LOOK_MS, undefined)])
      : next);
    if (result?.done) break;
    isPassing ||= progress.hasStarted() || (!isTerminal && result?.value.stream === "stdout");
    if (isPassing) yield* held.splice(0);
    if (result === undefined) continue;
    if (isPassing) yield result.value;
    else held.push(result.value);
    next = chunks.next();
  }
  await progress.exited;
  const failure = progress.failure();
  if (failure === undefined) yield* held;
  else yield { stream: "stdout", data: Buffer.from(`${failure.text}\r\n`) };
}

async function readFailure(
  logPath: string,
  program: string,
): Promise<{ readonly text: string; readonly exitCode: number }> {
  const log = await readFile(logPath, "utf8").catch(() => "");
  return execFailure(lastLoggedError(log) ?? "the OCI runtime ended without a word", program);
}

function readPid(path: string): number {
  try {
    return Number(readFileSync(path, "utf8"));
  } catch {
    return 0;
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never written, or went with the bundle.
  }
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
