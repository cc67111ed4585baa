import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { accessSync, closeSync, constants as fsConstants } from "node:fs";
import { Socket } from "node:net";
import { constants as osConstants } from "node:os";
import { delimiter, join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { MAX_TIMER_MS } from "../../../lib/clock.ts";
import { loadPosixSpawn, type PosixSpawn } from "./posix-spawn.ts";

export interface SpawnOptions {
  /**
   * What the program's descriptors 0, 1, ... are: a pipe to us (we write to 0 and read the others), `/dev/null`, or a
   * descriptor of ours.
   */
  readonly stdio: readonly ("pipe" | "ignore" | number)[];
  /** Its whole environment; the program is looked for in its PATH. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** In a session of its own. */
  readonly detached?: boolean;
  /** Ends it with SIGTERM; then `error` tells of an `AbortError`. */
  readonly signal?: AbortSignal | undefined;
}

/** What of Node's `ChildProcess` the engine uses. */
export type Program = Pick<ChildProcess, "stdin" | "stdout" | "stderr" | "stdio"> & {
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "exit" | "close", listener: ExitListener): unknown;
  once(event: "error", listener: (error: Error) => void): unknown;
  once(event: "exit" | "close", listener: ExitListener): unknown;
  kill(signal?: NodeJS.Signals): boolean;
};

type ExitListener = (code: number | null, signal: NodeJS.Signals | null) => void;

let posixSpawn: PosixSpawn | undefined;
let loading: Promise<void> | undefined;

/** From then on programs are started by posix_spawn(3), if the C library can be loaded. */
export function loadSpawn(): Promise<void> {
  loading ??= load();
  return loading;
}

async function load(): Promise<void> {
  // Only the main thread is told of children that end.
  if (!isMainThread) return;
  const loaded = await loadPosixSpawn();
  // Before the first is started: one that ends at once must not be missed.
  if (loaded !== undefined) process.on("SIGCHLD", reap);
  posixSpawn = loaded;
}

/**
 * As Node's `spawn`, which copies the page tables of the whole process while everything waits: 10 to 30 ms for a daemon
 * of 100 MB on a virtual machine, where posix_spawn(3), which copies nothing, takes 0.5. What a program gets is a pipe,
 * not a socket, so that it can open its `/dev/stdout`.
 */
export function spawnProgram(file: string, args: readonly string[], options: SpawnOptions): Program {
  const path = pathOf(file, options.env["PATH"] ?? "");
  const started =
    posixSpawn === undefined || path === undefined
      ? undefined
      : start(posixSpawn, path, [file, ...args], options);
  return started ?? startByNode(file, args, options);
}

/** It says, as ever, what is wrong with a program that cannot be started. */
function startByNode(file: string, args: readonly string[], options: SpawnOptions): Program {
  const child: ChildProcess = spawn(file, args, { ...options, stdio: [...options.stdio] });
  // Where no descriptor is free it has no streams, whatever its type says.
  const stdio: ChildProcess["stdio"] | undefined = child.stdio;
  if (stdio !== undefined) return child;
  const none = { stdin: null, stdout: null, stderr: null };
  return Object.assign(child, none, { stdio: [null, null, null, null, null] as const });
}

/** Where it was found, by what was looked for. */
const paths = new Map<string, string>();

function pathOf(file: string, searchPath: string): string | undefined {
  if (file.includes("/")) return file;
  const key = `${searchPath} ${file}`;
  const path =
    paths.get(key) ??
    searchPath
      .split(delimiter)
      .map((dir) => join(dir, file))
      .find(isExecutable);
  if (path !== undefined) paths.set(key, path);
  return path;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, fsConstants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Undefined when the system says no. */
function start(
  posix: PosixSpawn,
  path: string,
  argv: readonly string[],
  { stdio, env, cwd, detached = false, signal }: SpawnOptions,
): Child | undefined {
  const pipes = stdio.map((kind) => (kind === "pipe" ? posix.pipe() : undefined));
  const endsOf = (isOurs: boolean) =>
    pipes.map((made, index) => (isOurs === (index === 0) ? made?.writeEnd : made?.readEnd));
  const [ours, theirs] = [endsOf(true), endsOf(false)];
  const isWhole = stdio.every((kind, index) => kind !== "pipe" || pipes[index] !== undefined);
  const descriptors = stdio.map((kind, index) => (typeof kind === "number" ? kind : theirs[index]));
  const environment = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const program = { argv, environment, descriptors, cwd, isLeader: detached };
  const pid = isWhole ? posix.spawn(path, program) : undefined;
  for (const fd of pid === undefined ? [...ours, ...theirs] : theirs) if (fd !== undefined) closeSync(fd);
  return pid === undefined ? undefined : new Child(pid, ours.map(streamOf), signal);
}

function streamOf(fd: number | undefined, index: number): Socket | null {
  return fd === undefined ? null : new Socket({ fd, readable: index > 0, writable: index === 0 });
}

/** Those that have not been waited for. */
const children = new Map<number, Child>();
/** While there are children: a signal's listener alone keeps no process alive. */
const keepAlive = setInterval(() => {}, MAX_TIMER_MS).unref();

function watch(child: Child): void {
  keepAlive.ref();
  children.set(child.pid, child);
}

function reap(): void {
  for (const [pid, child] of children) {
    const status = posixSpawn?.wait(pid);
    if (status === undefined) continue;
    children.delete(pid);
    child.end(status);
  }
  if (children.size === 0) keepAlive.unref();
}

class Child extends EventEmitter implements Program {
  readonly pid: number;
  readonly stdio: Program["stdio"];
  readonly #signal: AbortSignal | undefined;
  #hasEnded = false;

  constructor(pid: number, streams: readonly (Socket | null)[], signal: AbortSignal | undefined) {
    super();
    this.pid = pid;
    const [stdin = null, stdout = null, stderr = null, ...more] = streams;
    this.stdio = [stdin, stdout, stderr, more[0], more[1]];
    this.#signal = signal;
    watch(this);
    if (signal?.aborted) process.nextTick(this.#abort);
    else signal?.addEventListener("abort", this.#abort, { once: true });
  }

  get stdin(): Program["stdin"] {
    return this.stdio[0];
  }

  get stdout(): Program["stdout"] {
    return this.stdio[1];
  }

  get stderr(): Program["stderr"] {
    return this.stdio[2];
  }

  readonly #abort = () => {
    if (!this.kill("SIGTERM")) return;
    const reason = { cause: this.#signal?.reason };
    this.emit("error", Object.assign(new Error("The operation was aborted", reason), { name: "AbortError" }));
  };

  /** False when it has ended. */
  kill(signal: NodeJS.Signals = "SIGTERM"): boolean {
    return !this.#hasEnded && process.kill(this.pid, signal);
  }

  /** `status`: of wait(2). */
  end(status: number): void {
    this.#hasEnded = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    const number = status & 0x7f;
    const [code, signal] = number === 0 ? [(status >> 8) & 0xff, null] : [null, signalName(number)];
    this.stdin?.destroy();
    this.emit("exit", code, signal);
    process.nextTick(() => this.#close(code, signal));
  }

  /** Once what it wrote was read, or thrown away because nobody reads it. */
  #close(...outcome: Parameters<ExitListener>): void {
    const open = this.stdio.filter((stream) => stream !== null && stream !== undefined && !stream.closed);
    let left = open.length;
    if (left === 0) this.emit("close", ...outcome);
    for (const stream of open) {
      stream?.once("close", () => {
        left -= 1;
        if (left === 0) this.emit("close", ...outcome);
      });
      if (stream instanceof Socket && stream.readable) stream.resume();
    }
  }
}

function signalName(number: number): NodeJS.Signals | null {
  const found = Object.entries(osConstants.signals).find(([, value]) => value === number);
  return (found?.[0] as NodeJS.Signals | undefined) ?? null;
}
