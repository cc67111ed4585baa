import { KeyedMutex } from "../lib/keyed-mutex.ts";
import {
  type Desired,
  desiredAfter,
  desiredAfterPass,
  desiredAfterRemoval,
  type Plan,
  type Request,
} from "../planner/index.ts";
import { type Controller, type ObserveOptions, preview, type Report } from "../reconciler/index.ts";
import { type ContainerRuntime, RuntimeError } from "../runtime/index.ts";
import { desiredFromWorld } from "./desired-from-world.ts";
import { type AskListener, lostDaemon, type StackAsk, type StackEntry, type Stacks } from "./stack-api.ts";
import type { StackStore, StoredStack } from "./stack-store.ts";

export interface StackDeskOptions extends Pick<ObserveOptions, "isPortTaken"> {
  readonly runtime: ContainerRuntime;
  readonly store: StackStore;
  readonly controller: Controller;
  /** Aborted when the daemon ends: that cuts requests short, and what it leaves unfinished is still asked for. */
  readonly lifetime: AbortSignal;
}

/**
 * Where requests for stacks arrive: one at a time for each stack, in order of asking, stored before they are done.
 * A request that its client cancels is taken back: the stack is held again to what was asked before, or not at all.
 */
export class StackDesk implements Stacks {
  readonly #options: StackDeskOptions;
  readonly #turns = new KeyedMutex();
  /** Requests in work or waiting, oldest first. */
  readonly #queues = new Map<string, Request["do"][]>();

  constructor(options: StackDeskOptions) {
    this.#options = options;
  }

  async plan(ask: StackAsk): Promise<Plan> {
    const { runtime, isPortTaken } = this.#options;
    const { desired } = await this.#desiredFor(ask);
    return preview({
      runtime,
      request: ask.request,
      desired,
      ...(isPortTaken !== undefined && { isPortTaken }),
    });
  }

  async ask(ask: StackAsk, listener: AskListener = {}): Promise<Report> {
    const queue = this.#queues.get(ask.stackName) ?? [];
    this.#queues.set(ask.stackName, queue);
    const behind = queue.at(-1);
    if (behind !== undefined) listener.onEvent?.({ kind: "queued", behind });
    queue.push(ask.request.do);
    try {
      return await this.#turns.run(ask.stackName, () => this.#serve(ask, listener));
    } finally {
      queue.splice(queue.indexOf(ask.request.do), 1);
      if (queue.length === 0) this.#queues.delete(ask.stackName);
    }
  }

  async get(stackName: string): Promise<StackEntry | undefined> {
    return (await this.list()).find((entry) => entry.name === stackName);
  }

  async list(): Promise<readonly StackEntry[]> {
    const { store, controller } = this.#options;
    const broken = [...store.broken].map(([name, problem]) => ({
      name,
      problem,
      revision: 0,
      updatedAt: "",
    }));
    const whole = (await store.names()).flatMap((name): StackEntry[] => {
      const stored = store.stored(name);
      const status = controller.statusOf(name);
      return stored === undefined ? [] : [{ ...stored, ...(status !== undefined && { status }) }];
    });
    return [...whole, ...broken].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async #serve(ask: StackAsk, { signal, onEvent }: AskListener): Promise<Report> {
    const { controller, store, lifetime } = this.#options;
    if (lifetime.aborted) throw lostDaemon(ask);
    if (signal?.aborted === true)
      throw new RuntimeError("cancelled", `Cancelled before its turn: ${ask.request.do}`);
    const { desired, isKept } = await this.#desiredFor(ask);
    const before = store.stored(ask.stackName);
    const keep = async (kept: Desired) => {
      if (isKept) await store.put(ask.stackName, kept, ask.request.do);
      return true;
    };
    const report = await controller.ask({
      request: ask.request,
      desired,
      approve: (plan, observed) =>
        keep(ask.request.do === "rm" ? desiredAfterRemoval(desired, plan, observed) : desired),
      ...(ask.imagesAtOnce !== undefined && { imagesAtOnce: ask.imagesAtOnce }),
      signal: signal === undefined ? lifetime : AbortSignal.any([signal, lifetime]),
      ...(onEvent !== undefined && { onProgress: onEvent }),
    });
    if (report.outcome === "cancelled" && lifetime.aborted) throw lostDaemon(ask);
    if (report.outcome === "cancelled" && isKept) await this.#takeBack(ask, before);
    if (report.outcome === "unchanged") await keep(desiredAfterPass(desired, report.plan));
    if (isFinishedDown(desired, report)) await store.remove(ask.stackName);
    return report;
  }

  async #takeBack({ stackName }: StackAsk, before: StoredStack | undefined): Promise<void> {
    const { controller, store } = this.#options;
    if (before === undefined) return store.remove(stackName);
    await store.put(stackName, before.desired, before.cause);
    controller.poke(stackName);
  }

  /** What is desired once the request is made, and whether that is to be stored and held. */
  async #desiredFor(ask: StackAsk): Promise<{ readonly desired: Desired; readonly isKept: boolean }> {
    const { store } = this.#options;
    if (ask.stack === undefined) store.assertReadable(ask.stackName);
    const previous = await store.get(ask.stackName);
    if (ask.stack !== undefined && (ask.request.do === "build" || ask.request.do === "pull")) {
      // They are about images, which the files say now; what is held does not change with them.
      return { desired: { stack: ask.stack, services: previous?.services ?? {} }, isKept: false };
    }
    const desired = desiredAfter(ask.request, {
      ...(previous !== undefined && { previous }),
      ...(ask.stack !== undefined && { stack: ask.stack }),
    });
    if (desired === undefined) {
      return { desired: await desiredFromWorld(this.#options.runtime, ask), isKept: false };
    }
    return { desired, isKept: previous !== undefined || ask.request.do === "up" };
  }
}

function isFinishedDown(desired: Desired, report: Report): boolean {
  return desired.down !== undefined && (report.outcome === "done" || report.outcome === "unchanged");
}
