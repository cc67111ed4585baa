import {
  type ContainerRuntime,
  type ContainerSpec,
  hasKind,
  type RuntimeEvent,
} from "../../../src/runtime/index.ts";

export interface ConformanceSetup {
  /** The adapter's name, for the titles. */
  readonly name: string;
  /** Called once before the tests. */
  readonly open: () => Promise<ContainerRuntime>;
  /** Called once after them. */
  readonly close?: (runtime: ContainerRuntime) => Promise<void>;
  /** A small image that is there: busybox's `sh`, `sleep`, `cat`, `echo`, `id`, `pwd`. */
  readonly image: string;
  /** Begins every name that the suite gives; default `conf`. */
  readonly prefix?: string;
  /** The foreign engine does not tell who stopped a container. */
  readonly hidesManualStop?: boolean;
}

export const LABEL = "stowage.conformance";

/** Ends by itself on SIGTERM, at once, with code 7: once it is `ready`. */
export const OBEDIENT = ["sh", "-c", "trap 'exit 7' TERM; echo ready; while true; do sleep 0.05; done"];
/** Heeds no signal that it can do without, once it is `ready`. */
export const STUBBORN = ["sh", "-c", "echo ready; exec sleep 1000"];

/** One suite's runtime, and what tests make in it. */
export class Bench {
  readonly setup: ConformanceSetup;
  #runtime: ContainerRuntime | undefined;
  #count = 0;

  constructor(setup: ConformanceSetup) {
    this.setup = setup;
  }

  get runtime(): ContainerRuntime {
    if (this.#runtime === undefined) throw new Error("the runtime is not open");
    return this.#runtime;
  }

  async open(): Promise<void> {
    this.#runtime = await this.setup.open();
    await this.clean();
  }

  async close(): Promise<void> {
    if (this.#runtime === undefined) return;
    await this.clean();
    await this.setup.close?.(this.#runtime);
  }

  name(what: string): string {
    this.#count += 1;
    return `${this.setup.prefix ?? "conf"}-${what}-${this.#count}`;
  }

  spec(command: readonly string[], more: Partial<ContainerSpec> = {}): ContainerSpec {
    return { image: this.setup.image, command, ...more, labels: { [LABEL]: "", ...more.labels } };
  }

  async create(command: readonly string[], more: Partial<ContainerSpec> = {}): Promise<string> {
    const { id } = await this.runtime.containers.create(this.spec(command, more), { name: this.name("c") });
    return id;
  }

  async run(command: readonly string[], more: Partial<ContainerSpec> = {}): Promise<string> {
    const id = await this.create(command, more);
    await this.runtime.containers.start(id);
    return id;
  }

  /**
   * Until the program has said that it is ready. A container runs a moment before its program does: a signal that
   * comes before a shell has set its trap is lost.
   */
  async ready(id: string): Promise<void> {
    await until(async () => (await this.logged(id)).stdout.includes("ready\n"));
  }

  /** Runs to the end; the exit code and all it wrote. */
  async output(command: readonly string[], more: Partial<ContainerSpec> = {}) {
    const id = await this.run(command, more);
    const { exitCode } = await this.runtime.containers.wait(id);
    return { id, exitCode, ...(await this.logged(id)) };
  }

  async logged(id: string): Promise<{ readonly stdout: string; readonly stderr: string }> {
    const text = { stdout: "", stderr: "" };
    for await (const { stream, data } of this.runtime.containers.logs(id))
      text[stream] += Buffer.from(data).toString();
    return text;
  }

  async exec(
    id: string,
    command: readonly string[],
    more: { readonly input?: string; readonly env?: readonly string[] } = {},
  ) {
    const { containers } = this.runtime;
    const attach = { attachStdin: more.input !== undefined, attachStdout: true, attachStderr: true };
    const env = more.env === undefined ? {} : { env: more.env };
    const execId = await containers.createExec(id, { command, ...attach, ...env });
    const session = await containers.startExec(execId);
    if (session === undefined) throw new Error("no session");
    if (more.input !== undefined) {
      await session.write(Buffer.from(more.input));
      await session.end();
    }
    const text = { stdout: "", stderr: "" };
    for await (const { stream, data } of session.output) text[stream] += Buffer.from(data).toString();
    await until(async () => !(await containers.inspectExec(execId)).isRunning);
    return { ...text, exitCode: (await containers.inspectExec(execId)).exitCode };
  }

  async status(id: string) {
    return (await this.runtime.containers.inspect(id)).state;
  }

  /** Removes everything that carries the suite's label. */
  async clean(): Promise<void> {
    const { containers, networks, volumes } = this.runtime;
    const filters = { label: [LABEL] };
    for (const { id } of await containers.list({ all: true, filters }))
      await containers.remove(id, { force: true, volumes: true }).catch(ignoreMissing);
    for (const { id } of await networks.list(filters)) await networks.remove(id).catch(ignoreMissing);
    for (const { name } of await volumes.list(filters)) await volumes.remove(name).catch(ignoreMissing);
  }
}

function ignoreMissing(error: unknown): void {
  if (!hasKind(error, "not-found", "conflict")) throw error;
}

export async function until(condition: () => Promise<boolean>, limitMs = 60_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await condition())) {
    if (Date.now() > endMs) throw new Error(`Not within ${limitMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** The kind of the error with which a promise rejects. */
export async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return error instanceof Error && "kind" in error ? String(error.kind) : `not a RuntimeError: ${error}`;
  }
  return "no error";
}

/** Collects events from now on while `act` runs, until `isLast` has been seen. */
export async function eventsOf(
  bench: Bench,
  filters: Readonly<Record<string, readonly string[]>>,
  act: () => Promise<unknown>,
  isLast: (event: RuntimeEvent) => boolean,
): Promise<readonly RuntimeEvent[]> {
  const end = new AbortController();
  const seen: RuntimeEvent[] = [];
  // An engine does not say when it has begun to tell: what happens before that must not be missed.
  const sinceNs = BigInt(Date.now()) * 1_000_000n;
  const stream = bench.runtime.events({ filters, sinceNs }, end.signal);
  const reading = (async () => {
    for await (const event of stream) {
      seen.push(event);
      if (isLast(event)) break;
    }
  })();
  await act();
  const limit = setTimeout(() => end.abort(), 60_000);
  await reading;
  clearTimeout(limit);
  end.abort();
  return seen;
}
