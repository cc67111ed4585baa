import { request as httpRequest, type IncomingMessage } from "node:http";
import { createInterface } from "node:readline";
import type { Plan } from "../planner/index.ts";
import type { Report } from "../reconciler/index.ts";
import type { StoreProblem } from "../runtime/engine/index.ts";
import { RuntimeError } from "../runtime/index.ts";
import {
  type AskListener,
  type DaemonStatus,
  lostDaemon,
  STACK_API,
  type StackAsk,
  type StackEntry,
  type StackEvent,
  type Stacks,
} from "./stack-api.ts";
import { fromWire, toWire } from "./stack-wire.ts";

export { credentialsFor, eraseCredentials, registryNamed, storeCredentials } from "./credentials.ts";
export { type DaemonPaths, daemonPaths, type Environment, settingsPath } from "./daemon-paths.ts";
export { readEngineSettings } from "./engine-settings.ts";
export { readLockHolder } from "./lock-holder.ts";
export { isPortTaken } from "./port-probe.ts";
export type { AskListener, DaemonStatus, StackAsk, StackEntry, StackEvent, Stacks } from "./stack-api.ts";

/** Asks a running daemon over its socket. Loads no engine. */
export class DaemonClient implements Stacks {
  readonly #socketPath: string;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  async status(): Promise<DaemonStatus> {
    return (await this.#json("GET", "/daemon")) as DaemonStatus;
  }

  /** What is wrong with the engine's image store; reads all of it. */
  async storeProblems(): Promise<readonly StoreProblem[]> {
    return (await this.#json("GET", "/store/problems")) as readonly StoreProblem[];
  }

  /** Resolves when the daemon has accepted; its process ends soon after. */
  async stop(options: { readonly containers?: boolean } = {}): Promise<void> {
    await this.#json("POST", "/daemon/stop", options);
  }

  async list(): Promise<readonly StackEntry[]> {
    return (await this.#json("GET", "/stacks")) as readonly StackEntry[];
  }

  async get(stackName: string): Promise<StackEntry | undefined> {
    const found = await this.#json("GET", `/stacks/${encodeURIComponent(stackName)}`);
    return (found as StackEntry | null) ?? undefined;
  }

  async plan(ask: StackAsk): Promise<Plan> {
    return (await this.#json("POST", `/stacks/${encodeURIComponent(ask.stackName)}/plan`, ask)) as Plan;
  }

  async ask(ask: StackAsk, listener: AskListener = {}): Promise<Report> {
    const path = `/stacks/${encodeURIComponent(ask.stackName)}/requests`;
    const response = await this.#send("POST", path, ask, listener.signal);
    for await (const event of eventsOf(response, ask)) {
      if (event.kind === "report") return event.report;
      if (event.kind === "failed") throw event.error;
      listener.onEvent?.(event);
    }
    throw lostDaemon(ask);
  }

  async #json(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#send(method, path, body);
    return fromWire(await textOf(response));
  }

  #send(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.#socketPath,
          path: `${STACK_API}${path}`,
          method,
          headers: { host: "stowage", "content-type": "application/json" },
          agent: false,
          ...(signal !== undefined && { signal }),
        },
        (response) => {
          if (response.statusCode === 200) resolve(response);
          else rejection(response).then(reject, reject);
        },
      );
      request.on("error", (error) =>
        reject(
          new RuntimeError("unavailable", `Cannot reach the daemon on ${this.#socketPath}`, { cause: error }),
        ),
      );
      request.end(body === undefined ? undefined : toWire(body));
    });
  }
}

async function* eventsOf(response: IncomingMessage, ask: StackAsk): AsyncIterable<StackEvent> {
  const lines = createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY });
  try {
    for await (const line of lines) yield fromWire(line) as StackEvent;
  } catch {
    // The connection was cut: no answer of the daemon's is like that.
    throw lostDaemon(ask);
  }
}

async function rejection(response: IncomingMessage): Promise<unknown> {
  const text = await textOf(response);
  try {
    const body = fromWire(text) as { readonly error?: unknown; readonly message?: string };
    return body.error ?? new RuntimeError("internal", body.message ?? text);
  } catch {
    return new RuntimeError("internal", `The daemon answered ${response.statusCode}: ${text.slice(0, 200)}`);
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
