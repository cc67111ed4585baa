import { execFile, spawn, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { freePort } from "../support/free-port.ts";
import { type Inventory, leaks, takeInventory } from "../support/leaks.ts";

export const CHECKOUT = resolve(import.meta.dirname, "../..");
/** Another program with the same commands may stand in, to hold a scenario against it. */
const STOWAGE = resolve(CHECKOUT, process.env["STOWAGE_E2E_BIN"] ?? "bin/stowage");

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** A command that goes on while the scenario does. */
export interface Running {
  readonly pid: number;
  output(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Outcome>;
}

/** One scenario's machine: a data root, a run folder, a daemon and a folder of files, all its own. */
export class World {
  readonly dir: string;
  readonly stackDir: string;
  readonly rootDir: string;
  readonly runDir: string;
  readonly env: Record<string, string>;
  readonly #before: Inventory;
  readonly #running = new Set<Running>();
  readonly #atEnd: (() => Promise<unknown>)[] = [];

  private constructor(dir: string) {
    this.dir = dir;
    this.stackDir = join(dir, "stack");
    this.rootDir = join(dir, "root");
    this.runDir = join(dir, "run");
    // Nothing of the caller's own settings (COMPOSE_FILE, DOCKER_HOST, ...) reaches a scenario.
    this.env = {
      PATH: process.env["PATH"] ?? "",
      HOME: join(dir, "home"),
      LANG: "C.UTF-8",
      TERM: "dumb",
      STOWAGE_ROOT: this.rootDir,
      STOWAGE_RUN: this.runDir,
      STOWAGE_E2E_SOCKET: process.env["STOWAGE_E2E_SOCKET"] ?? "",
    };
    mkdirSync(this.stackDir, { recursive: true });
    mkdirSync(this.env["HOME"] ?? "", { recursive: true });
    this.#before = takeInventory(this.rootDir, this.runDir);
  }

  /** With a copy of `files`, a folder of test/e2e or of examples. */
  static async create(files: string | undefined): Promise<World> {
    const world = new World(mkdtempSync(join(tmpdir(), "stowage-e2e-")));
    if (files !== undefined) cpSync(resolve(CHECKOUT, files), world.stackDir, { recursive: true });
    return world;
  }

  /** A port of this machine that nobody has, the first of so many, under a name that the stack's files use. */
  async givePort(name: string, count = 1): Promise<number> {
    const port = await freePort(count);
    this.env[name] = String(port);
    return port;
  }

  /** Runs a command line that must succeed. */
  async stowage(args: string, options: RunOptions = {}): Promise<Outcome> {
    const outcome = await this.attempt(args, options);
    if (outcome.code !== 0)
      throw new Error(`stowage ${args}: exit ${outcome.code}\n${outcome.stdout}${outcome.stderr}`);
    return outcome;
  }

  /** Runs a command line, whatever it ends with. */
  attempt(args: string, options: RunOptions = {}): Promise<Outcome> {
    return this.command(STOWAGE, words(args), options);
  }

  async command(file: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const startedAt = performance.now();
    const outcome = await new Promise<Outcome>((done) => {
      const child = execFile(
        file,
        [...args],
        {
          cwd: options.cwd ?? this.stackDir,
          env: { ...this.env, ...options.env },
          timeout: options.timeoutMs ?? 300_000,
          maxBuffer: 256 * 2 ** 20,
          encoding: "utf8",
        },
        (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === "number" ? error.code : 255;
          const why = code === 255 ? `${error?.message ?? ""}\n` : "";
          done({ code, stdout, stderr: `${stderr}${why}`, ms: performance.now() - startedAt });
        },
      );
      child.stdin?.on("error", () => {});
      child.stdin?.end(options.input ?? "");
    });
    this.note(
      `$ ${file} ${args.join(" ")}\n${outcome.stdout.slice(-4000)}${outcome.stderr.slice(-4000)}=> ${outcome.code}`,
    );
    return outcome;
  }

  /** Starts a command line and goes on. It is ended with the scenario at the latest. */
  start(args: string, options: RunOptions = {}): Running {
    const startedAt = performance.now();
    const child = spawn(STOWAGE, words(args), {
      cwd: options.cwd ?? this.stackDir,
      env: { ...this.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    const ended = new Promise<Outcome>((done) => {
      child.on("close", (code, signal) => {
        this.#running.delete(running);
        const outcome = {
          code: code ?? (signal === "SIGKILL" ? 137 : 255),
          stdout: Buffer.concat(out).toString(),
          stderr: Buffer.concat(err).toString(),
          ms: performance.now() - startedAt,
        };
        this.note(
          `$ stowage ${args} &\n${outcome.stdout.slice(-4000)}${outcome.stderr.slice(-4000)}=> ${outcome.code}`,
        );
        done(outcome);
      });
    });
    const running: Running = {
      pid: child.pid ?? 0,
      output: () => Buffer.concat([...out, ...err]).toString(),
      kill: (signal) => void child.kill(signal),
      ended,
    };
    this.#running.add(running);
    return running;
  }

  write(path: string, text: string): void {
    const target = join(this.stackDir, path);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, text);
  }

  /** Changes a file of the stack; what is replaced must be there. */
  edit(path: string, from: string | RegExp, to: string): void {
    const text = readFileSync(join(this.stackDir, path), "utf8");
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${path} has no ${String(from)}`);
    writeFileSync(join(this.stackDir, path), changed);
  }

  async loadImages(names: readonly string[]): Promise<void> {
    for (const name of names) await this.stowage(`image load -i ${imageArchive(name)}`);
  }

  async daemonPid(): Promise<number> {
    const { stdout } = await this.stowage("daemon status --json");
    const { pid } = JSON.parse(stdout) as { readonly pid?: number };
    if (pid === undefined) throw new Error(`daemon status names no pid: ${stdout}`);
    return pid;
  }

  /** What is on the machine now that was not before the scenario; the daemon itself does not count. */
  leftovers(): Inventory {
    return leaks(this.#before, takeInventory(this.rootDir, this.runDir)).filter(
      (line) => !/^process \d+ .*\bdaemon run\b/.test(line),
    );
  }

  /** A line for whoever has to find out why the scenario failed. */
  note(text: string): void {
    appendFileSync(join(this.dir, "transcript.log"), `${new Date().toISOString()} ${text}\n`);
  }

  /** To be done after the daemon has ended, however the scenario ends. */
  onEnd(action: () => Promise<unknown>): void {
    this.#atEnd.unshift(action);
  }

  /** Takes everything down, whatever state it is in. */
  async destroy(): Promise<void> {
    for (const running of this.#running) {
      running.kill("SIGKILL");
      await running.ended;
    }
    const status = await this.attempt("daemon status --json");
    if (status.code === 0 && /"pid"/.test(status.stdout)) {
      for (const id of (await this.attempt("ls -a -q")).stdout.split("\n").filter(Boolean)) {
        await this.attempt(`-p ${id} down -v -t 1 --remove-orphans`);
      }
    }
    await this.attempt("daemon stop");
    for (const action of this.#atEnd.splice(0)) await action();
  }

  /** What a failed scenario left mounted must not keep its files from going, nor hide why it failed. */
  remove(): void {
    const targets = readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[4] ?? "")
      .filter((target) => target.startsWith(`${this.dir}/`));
    for (const target of targets.reverse()) spawnSync("umount", ["-l", target]);
    rmSync(this.dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function imageArchive(name: string): string {
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const path = join(cache, "stowage-images", `${name}.tar`);
  if (!existsSync(path)) throw new Error(`${path} is missing: run scripts/images/build.sh ${name}`);
  return path;
}

/** A command line as a person would type it, with 'single' quotes for words that have spaces. */
function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}
