import PQueue from "p-queue";
import { type Clock, systemClock } from "../lib/clock.ts";
import { KeyedMutex } from "../lib/keyed-mutex.ts";
import { type Desired, desiredAfterPass, type Request } from "../planner/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";
import { delayAfter, isFighting, recent, STUCK_AFTER } from "./backoff.ts";
import type { ObserveOptions } from "./observe.ts";
import type { ProgressEvent } from "./progress.ts";
import { type Edge, type ReconcileOptions, reconcile } from "./reconcile.ts";
import type { Report } from "./report.ts";
import { declares, triggerOf } from "./triggers.ts";

/** Where desired stacks are kept. */
export interface DesiredStore {
  names(): Promise<readonly string[]>;
  get(stackName: string): Promise<Desired | undefined>;
  /** The same thing is asked for, of which more is known now. */
  amend(stackName: string, desired: Desired): Promise<void>;
}

export interface ControllerOptions extends Pick<ObserveOptions, "isPortTaken"> {
  readonly runtime: ContainerRuntime;
  readonly store: DesiredStore;
  readonly edge?: Edge;
  /** Of every pass that nobody asked for and that did something, failed, or could not begin. */
  readonly onReport?: (report: Report) => void;
  /** A stack that was to go away has gone, in a pass that nobody asked for: it can be forgotten. */
  readonly onGone?: (stackName: string) => Promise<void>;
  /** Reading the world failed, or a handler did; the stack is tried again later. */
  readonly onFault?: (stackName: string, error: unknown) => void;
  /** Passes at once, of different stacks; default 4. */
  readonly concurrency?: number;
  /** Every stack is looked at this often without a cause; default 60 s. */
  readonly resyncMs?: number;
  readonly clock?: Clock;
}

export interface AskOptions {
  readonly request: Request;
  readonly desired: Desired;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** As in `reconcile`. */
  readonly imagesAtOnce?: number;
  /** As in `reconcile`: asked once when there are steps. The daemon stores what is desired here, before it is done. */
  readonly approve?: ReconcileOptions["approve"];
}

export interface StackStatus {
  readonly state: "settled" | "working" | "retrying" | "stuck";
  readonly attempts: number;
  readonly nextAttemptAtMs?: number;
  readonly lastReport?: Report;
}

interface Entry {
  state: StackStatus["state"];
  /** Failed passes in a row. */
  failures: number;
  repairTimesMs: readonly number[];
  nextAttemptAtMs?: number;
  lastReport?: Report;
  /** Ends the wait for the next attempt. */
  timer?: AbortController;
  /** Ends the pass in work, when nobody asked for it. */
  pass?: AbortController;
  /** Asked for while a pass was in work. */
  isWanted: boolean;
  /** A pass is to begin soon. */
  isDue: boolean;
}

/** Events come in bursts; one look is enough for all of a burst. */
const SETTLE_MS = 200;
/** Nobody waits longer in a pass of ours, which begins afresh then: it would hide other drift. */
const PATIENCE_MS = 30_000;
const RESYNC_MS = 60_000;
const PASSES = 4;

/**
 * Repeats passes of stored stacks: on events, when poked, on a slow timer, and again after a failure, with growing
 * delays and a brake. Level-triggered: whatever the cause, a pass reads the world and the desired state afresh.
 */
export class Controller {
  readonly #options: ControllerOptions;
  readonly #clock: Clock;
  readonly #queue: PQueue;
  readonly #turns = new KeyedMutex();
  readonly #entries = new Map<string, Entry>();
  /** Aborted: nothing is begun any more. */
  #life: AbortSignal | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#queue = new PQueue({ concurrency: options.concurrency ?? PASSES });
  }

  /** Runs until `signal` aborts and the passes in work have ended. */
  async run(signal: AbortSignal): Promise<void> {
    this.#life = signal;
    const following = this.#follow(signal);
    const ticking = this.#tick(signal);
    await Promise.all([following, ticking]);
    for (const { timer, pass } of this.#entries.values()) {
      timer?.abort();
      pass?.abort();
    }
    await Promise.all([...this.#entries.keys()].map((name) => this.#turns.run(name, async () => {})));
  }

  /** Look at this stack soon. */
  poke(stackName: string): void {
    this.#schedule(stackName, 0);
  }

  /** A person's request: behind the pass in work on the same stack, which is ended early, before any repeat. */
  async ask(options: AskOptions): Promise<Report> {
    const { desired, request, approve, onProgress, imagesAtOnce } = options;
    const stackName = desired.stack.name;
    const entry = this.#entry(stackName);
    entry.timer?.abort();
    entry.isDue = false;
    entry.pass?.abort();
    return this.#turns.run(stackName, async () => {
      entry.state = "working";
      // A person who asks takes the brake off.
      entry.failures = 0;
      entry.repairTimesMs = [];
      delete entry.nextAttemptAtMs;
      try {
        const report = await reconcile({
          ...this.#base(),
          request,
          desired,
          signal: options.signal ?? new AbortController().signal,
          ...(approve !== undefined && { approve }),
          ...(imagesAtOnce !== undefined && { imagesAtOnce }),
          ...(onProgress !== undefined && { onProgress }),
        });
        entry.lastReport = report;
        if (report.outcome === "failed") this.#retry(stackName, entry);
        return report;
      } finally {
        if (entry.state === "working") entry.state = "settled";
      }
    });
  }

  statusOf(stackName: string): StackStatus | undefined {
    const entry = this.#entries.get(stackName);
    if (entry === undefined) return undefined;
    const { state, failures, nextAttemptAtMs, lastReport } = entry;
    // What is about to be looked at may have changed.
    const isSettled = !entry.isDue && !entry.isWanted && entry.pass === undefined;
    return {
      state: state === "settled" && !isSettled ? "working" : state,
      attempts: failures,
      ...(nextAttemptAtMs !== undefined && { nextAttemptAtMs }),
      ...(lastReport !== undefined && { lastReport }),
    };
  }

  #base() {
    const { runtime, edge, isPortTaken } = this.#options;
    return {
      runtime,
      clock: this.#clock,
      ...(edge !== undefined && { edge }),
      ...(isPortTaken !== undefined && { isPortTaken }),
    };
  }

  #entry(stackName: string): Entry {
    const known = this.#entries.get(stackName);
    if (known !== undefined) return known;
    const entry: Entry = { state: "settled", failures: 0, repairTimesMs: [], isWanted: false, isDue: false };
    this.#entries.set(stackName, entry);
    return entry;
  }

  /** Events as causes. When the stream breaks every stack is looked at, since something may have been missed. */
  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const filters = { type: ["container", "network", "volume"] };
        for await (const event of this.#options.runtime.events({ filters }, signal)) {
          const trigger = triggerOf(event);
          if (trigger?.kind === "stack") this.#onCause(trigger.stackName);
          else if (trigger !== undefined)
            for (const name of await this.#options.store.names()) {
              const desired = await this.#options.store.get(name);
              if (desired !== undefined && declares(desired, trigger)) this.#onCause(name);
            }
        }
      } catch (error) {
        if (signal.aborted) return;
        this.#options.onFault?.("", error);
      }
      await this.#clock.sleep(1_000, signal).catch(() => {});
      if (!signal.aborted) await this.#lookAtAll();
    }
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#lookAtAll();
      await this.#clock.sleep(this.#options.resyncMs ?? RESYNC_MS, signal).catch(() => {});
    }
  }

  async #lookAtAll(): Promise<void> {
    try {
      for (const name of await this.#options.store.names()) this.#onCause(name);
    } catch (error) {
      this.#options.onFault?.("", error);
    }
  }

  /** Something may have changed: soon, unless a failing stack waits for its next attempt anyway. */
  #onCause(stackName: string): void {
    const entry = this.#entry(stackName);
    if (entry.failures > 0 || entry.state === "stuck") return;
    this.#schedule(stackName, SETTLE_MS);
  }

  #schedule(stackName: string, delayMs: number): void {
    const life = this.#life;
    if (life === undefined || life.aborted) return;
    const entry = this.#entry(stackName);
    if (entry.pass !== undefined) {
      entry.isWanted = true;
      return;
    }
    const atMs = this.#clock.now() + delayMs;
    if (entry.timer !== undefined && !entry.timer.signal.aborted && (entry.nextAttemptAtMs ?? 0) <= atMs)
      return;
    entry.timer?.abort();
    const timer = new AbortController();
    entry.timer = timer;
    entry.isDue = true;
    entry.nextAttemptAtMs = atMs;
    this.#clock.sleep(delayMs, AbortSignal.any([timer.signal, life])).then(
      () => {
        timer.abort();
        void this.#pass(stackName);
      },
      () => {},
    );
  }

  /** The stack's turn first, then a place in the queue: whoever waits for a turn must not hold a place. */
  #pass(stackName: string): Promise<void> {
    return this.#turns.run(stackName, () => this.#queue.add(() => this.#look(stackName)));
  }

  async #look(stackName: string): Promise<void> {
    const entry = this.#entry(stackName);
    if (this.#life?.aborted === true) return;
    delete entry.nextAttemptAtMs;
    const pass = new AbortController();
    entry.pass = pass;
    entry.isWanted = false;
    entry.isDue = false;
    try {
      await this.#hold(stackName, entry, pass);
    } catch (error) {
      this.#options.onFault?.(stackName, error);
      delete entry.pass;
      this.#retry(stackName, entry);
    } finally {
      delete entry.pass;
    }
    if (entry.isWanted) this.#onCause(stackName);
  }

  async #hold(stackName: string, entry: Entry, pass: AbortController): Promise<void> {
    const desired = await this.#options.store.get(stackName);
    if (desired === undefined) {
      this.#entries.delete(stackName);
      return;
    }
    const before = entry.state;
    entry.state = "working";
    const [patience, end] = [new AbortController(), new AbortController()];
    this.#clock.sleep(PATIENCE_MS, end.signal).then(
      () => patience.abort(),
      () => {},
    );
    const request: Request =
      desired.down === undefined ? { do: "up", isHold: true } : { do: "down", ...desired.down };
    let report: Report;
    try {
      const signals = { signal: pass.signal, patience: patience.signal };
      report = await reconcile({ ...this.#base(), request, desired, ...signals });
    } finally {
      end.abort();
      entry.state = before;
    }
    const known = desiredAfterPass(desired, report.plan);
    if (known !== desired) await this.#options.store.amend(stackName, known);
    await this.#settle(stackName, entry, { report, isGoing: desired.down !== undefined });
  }

  async #settle(
    stackName: string,
    entry: Entry,
    { report, isGoing }: { readonly report: Report; readonly isGoing: boolean },
  ): Promise<void> {
    const nowMs = this.#clock.now();
    if (report.outcome !== "unchanged") {
      entry.lastReport = report;
      this.#options.onReport?.(report);
    }
    delete entry.pass;
    switch (report.outcome) {
      case "failed":
      case "refused":
        return this.#retry(stackName, entry);
      case "cancelled":
        entry.state = "settled";
        return this.#schedule(stackName, delayAfter(1));
      case "done":
        entry.repairTimesMs = [...recent(entry.repairTimesMs, nowMs), nowMs];
        if (isFighting(entry.repairTimesMs, nowMs)) return this.#retry(stackName, entry);
        break;
      default:
    }
    entry.failures = 0;
    entry.state = "settled";
    if (isGoing) await this.#options.onGone?.(stackName);
  }

  #retry(stackName: string, entry: Entry): void {
    entry.failures += 1;
    entry.state = entry.failures >= STUCK_AFTER ? "stuck" : "retrying";
    this.#schedule(stackName, delayAfter(entry.failures));
  }
}
