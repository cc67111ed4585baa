import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { build } from "esbuild";
import type { Fault } from "./fault-points.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Bundles the program once; its path. */
async function program(): Promise<string> {
  const outfile = join(ROOT, "node_modules/.cache/stowage/programs/engine-process.mjs");
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "test/support/engine-process-main.ts")],
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    external: ["koffi", "node-unix-socket"],
    banner: {
      js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
    },
    write: false,
    logLevel: "error",
  });
  mkdirSync(resolve(outfile, ".."), { recursive: true });
  writeFileSync(`${outfile}.${process.pid}`, outputFiles[0]?.contents ?? "");
  renameSync(`${outfile}.${process.pid}`, outfile);
  return outfile;
}

let built: Promise<string> | undefined;

/** An engine in a process that can be killed at any moment. */
export class EngineProcess {
  readonly #child: ChildProcess;
  readonly #pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  #lastId = 0;
  readonly #ready: Promise<void>;
  readonly exited: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    let ready = () => {};
    let failed = (_: Error) => {};
    this.#ready = new Promise((resolve, reject) => {
      ready = resolve;
      failed = reject;
    });
    this.exited = new Promise((resolve) => child.once("exit", () => resolve()));
    void this.exited.then(() => {
      failed(new Error("The engine's process ended before it was ready"));
      for (const { reject } of this.#pending.values()) reject(new Error("The engine's process ended"));
    });
    this.#ready.catch(() => {});
    if (child.stdout === null) throw new Error("no stdout");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const message = JSON.parse(line) as { event?: string; id: number; value?: unknown; error?: string };
      if (message.event === "ready") return ready();
      const pending = this.#pending.get(message.id);
      this.#pending.delete(message.id);
      if (message.error === undefined) pending?.resolve(message.value);
      else pending?.reject(new Error(message.error));
    });
  }

  static async start(rootDir: string, runDir: string, fault?: Fault): Promise<EngineProcess> {
    built ??= program();
    const faults = fault === undefined ? [] : [JSON.stringify(fault)];
    const child = spawn(process.execPath, [await built, rootDir, runDir, ...faults], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    child.stdin?.on("error", () => {});
    return new EngineProcess(child);
  }

  ready(): Promise<void> {
    return this.#ready;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Dates come back as text. */
  async call<T = unknown>(part: string, method: string, ...args: readonly unknown[]): Promise<T> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      throw new Error("The engine's process has ended");
    const id = ++this.#lastId;
    const answer = new Promise<unknown>((resolve, reject) => this.#pending.set(id, { resolve, reject }));
    this.#child.stdin?.write(`${JSON.stringify({ id, path: [part, method], args })}\n`);
    return answer as Promise<T>;
  }

  /** Lets go in good order; its containers run on unless they are to be ended. */
  async close({ endsContainers = false } = {}): Promise<void> {
    await this.call("end", "", { endsContainers });
    this.#child.stdin?.end();
    await this.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}
