import type { AskListener, StackAsk, StackEntry, Stacks } from "../daemon/client.ts";
import { desiredFromWorld } from "../daemon/index.ts";
import { type Desired, desiredAfter, type Plan } from "../planner/index.ts";
import { type Edge, preview, type Report, reconcile } from "../reconciler/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";

/** Passes in process against a foreign engine: nothing is stored, nobody holds the stack afterwards. */
export class LocalStacks implements Stacks {
  readonly #runtime: ContainerRuntime;
  readonly #edge: Edge;

  constructor(runtime: ContainerRuntime, edge: Edge) {
    this.#runtime = runtime;
    this.#edge = edge;
  }

  async plan(ask: StackAsk): Promise<Plan> {
    const desired = await desiredFor(this.#runtime, ask);
    return preview({ runtime: this.#runtime, request: ask.request, desired });
  }

  async ask(ask: StackAsk, { signal, onEvent }: AskListener = {}): Promise<Report> {
    return reconcile({
      runtime: this.#runtime,
      edge: this.#edge,
      request: ask.request,
      desired: await desiredFor(this.#runtime, ask),
      ...(ask.imagesAtOnce !== undefined && { imagesAtOnce: ask.imagesAtOnce }),
      signal: signal ?? new AbortController().signal,
      ...(onEvent !== undefined && { onProgress: onEvent }),
    });
  }

  async get(): Promise<StackEntry | undefined> {
    return undefined;
  }

  async list(): Promise<readonly StackEntry[]> {
    return [];
  }
}

async function desiredFor(runtime: ContainerRuntime, ask: StackAsk): Promise<Desired> {
  const desired = desiredAfter(ask.request, ask.stack === undefined ? {} : { stack: ask.stack });
  return desired ?? desiredFromWorld(runtime, ask);
}
