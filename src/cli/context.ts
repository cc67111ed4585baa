import type { Stacks } from "../daemon/client.ts";
import type { ContainerRuntime } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";
import { type Globals, PROGRESS_TYPES } from "./globals.ts";
import type { CliIo } from "./io.ts";
import { escapeAllButColours } from "./render/paint.ts";
import { type Target, targetOf } from "./target.ts";

/** Everything a command gets from outside: the only place where things are put together. */
export class Context {
  readonly io: CliIo;
  readonly globals: Globals;
  readonly #shared: Shared;

  constructor(io: CliIo, globals: Globals, shared: Shared = {}) {
    this.io = io;
    this.globals = globals;
    this.#shared = shared;
  }

  /** The same with some options changed; runtime and daemon stay the same ones. */
  with(changes: Partial<Globals>): Context {
    return new Context(this.io, { ...this.globals, ...changes }, this.#shared);
  }

  get target(): Target {
    return targetOf(this.globals, this.io);
  }

  get isDryRun(): boolean {
    return this.globals.dryRun === true;
  }

  /** `--parallel`, as Compose reads it: pulls and builds at once; undefined: no limit. */
  get imagesAtOnce(): number | undefined {
    const text = this.io.env["COMPOSE_PARALLEL_LIMIT"] ?? "";
    const limit = this.globals.parallel ?? (text === "" ? -1 : Number(text));
    if (!Number.isInteger(limit))
      throw usageError(`COMPOSE_PARALLEL_LIMIT is "${text}": it is a whole number, -1 for no limit`);
    return limit > 0 ? limit : undefined;
  }

  /** Data: the command's answer. */
  print(text: string): void {
    this.io.stdout.write(text);
  }

  printLine(text: string): void {
    this.io.stdout.write(`${text}\n`);
  }

  /** Anything else; among progress in JSON a line of JSON, too. */
  note(text: string): void {
    this.io.stderr.write(
      `${this.progress === "json" ? JSON.stringify({ message: text }) : escapeAllButColours(text)}\n`,
    );
  }

  /** What `--progress` or its variable says; anything unknown in the variable counts as `auto`. */
  get progress(): NonNullable<Globals["progress"]> {
    const asked = this.globals.progress ?? this.io.env["COMPOSE_PROGRESS"];
    return PROGRESS_TYPES.find((type) => type === asked) ?? "auto";
  }

  /** Whether text to this stream may carry colours: a terminal, unless NO_COLOR, TERM=dumb or --ansi say otherwise. */
  hasColour(stream: "stdout" | "stderr"): boolean {
    const { env } = this.io;
    const ansi = this.globals.ansi ?? env["COMPOSE_ANSI"] ?? "auto";
    if (ansi === "always") return true;
    if (ansi === "never" || (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb") return false;
    return (env["CLICOLOR_FORCE"] ?? "") !== "" || this.io[stream].isTTY === true;
  }

  /** The engine; its daemon is started when it is our own and not there. */
  runtime(): Promise<ContainerRuntime> {
    this.#shared.runtime ??= openRuntime(this);
    return this.#shared.runtime;
  }

  /** Stacks as the daemon keeps them, or worked on in process. */
  stacks(): Promise<Stacks> {
    this.#shared.stacks ??= openStacks(this);
    return this.#shared.stacks;
  }

  async close(): Promise<void> {
    const runtime = await this.#shared.runtime?.catch(() => undefined);
    await runtime?.close();
  }
}

interface Shared {
  runtime?: Promise<ContainerRuntime>;
  stacks?: Promise<Stacks>;
}

async function openRuntime(context: Context): Promise<ContainerRuntime> {
  const { target } = context;
  if (target.kind === "memory") {
    const { openSimulatedRuntime } = await import("../runtime/memory/index.ts");
    return openSimulatedRuntime();
  }
  const { openDockerRuntime } = await import("../runtime/docker/index.ts");
  if (target.kind === "docker")
    return openDockerRuntime(target.host === undefined ? {} : { host: target.host });
  const { ensureDaemon } = await import("./ensure-daemon.ts");
  await ensureDaemon(target.paths, context.io);
  return openDockerRuntime({ host: `unix://${target.paths.socketPath}` });
}

async function openStacks(context: Context): Promise<Stacks> {
  const { target } = context;
  if (target.kind === "engine") {
    const { ensureDaemon } = await import("./ensure-daemon.ts");
    await ensureDaemon(target.paths, context.io);
    const { DaemonClient } = await import("../daemon/client.ts");
    return new DaemonClient(target.paths.socketPath);
  }
  const [{ LocalStacks }, { localEdge }] = await Promise.all([
    import("./local-stacks.ts"),
    import("../daemon/index.ts"),
  ]);
  return new LocalStacks(await context.runtime(), localEdge(context.io.env));
}
