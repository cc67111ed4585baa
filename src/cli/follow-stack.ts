import { setTimeout as sleep } from "node:timers/promises";
import { compact } from "../lib/compact.ts";
import { LABEL } from "../planner/index.ts";
import {
  type ContainerInfo,
  type ContainerRuntime,
  hasKind,
  type LogOptions,
  type RuntimeEvent,
} from "../runtime/index.ts";
import { type LogLines, shortName } from "./render/log-lines.ts";
import { type Place, placeBy, placed, type StackContainer, stackContainers } from "./stack-containers.ts";

const RESUME_MS = 500;

export interface FollowStackOptions {
  readonly runtime: ContainerRuntime;
  readonly stackName: string;
  /** Absent or empty: all. */
  readonly services?: readonly string[];
  readonly lines: LogLines;
  readonly signal: AbortSignal;
  /** For containers that are there at the beginning; those that start later are shown from their start. */
  readonly options: LogOptions;
  /** Told once of each container whose output cannot be read; its end is waited for all the same. */
  readonly warn: (message: string) => void;
  readonly isWanted?: (place: Place) => boolean;
  /** A container's process has ended: of any service, followed or not. */
  readonly onExit?: (event: RuntimeEvent) => void;
  /** A container's process has started: of any service, followed or not. */
  readonly onStart?: (event: RuntimeEvent) => void;
  /** A followed container has ended for good, and all its output was shown. */
  readonly onEnd?: (container: StackContainer, exitCode: number) => void;
  /** Before it resolves, following goes on though nothing runs. */
  readonly notBefore?: Promise<unknown>;
  /** From its abort on only those that have ended are followed, to the end of their output. */
  readonly last?: AbortSignal;
  /** While it says so, following goes on though nothing runs: somebody is about to start containers again. */
  readonly isHeld?: () => boolean;
}

/**
 * Output of a stack's containers as it comes, of those that are replaced, added or restarted meanwhile too.
 * Resolves when none of them runs any more and none is about to take another's place, or `signal` aborts.
 */
export async function followStack(options: FollowStackOptions): Promise<void> {
  await new StackFollower(options).run();
}

class StackFollower {
  readonly #options: FollowStackOptions;
  readonly #idle = new AbortController();
  readonly #end: AbortSignal;
  readonly #active = new Map<string, Promise<void>>();
  /** Each ends the following of one container. */
  readonly #leaving = new Map<string, AbortController>();
  /** Started again while the log was still being read to its end. */
  readonly #again = new Set<string>();
  /** Made to take another's place, and not started yet. */
  readonly #due = new Set<string>();
  /** Started or removed since following began. */
  readonly #settled = new Set<string>();
  /** Where reading goes on, by container, in nanoseconds since the epoch of the engine's clock. */
  readonly #resumeNs = new Map<string, bigint>();
  readonly #dieCodes = new Map<string, number>();
  readonly #told = new Set<string>();
  readonly #unreadable = new Set<string>();
  /** Those that were there at the beginning, and had been started. */
  readonly #old = new Set<string>();
  #mayEnd = false;

  constructor(options: FollowStackOptions) {
    this.#options = options;
    this.#end = AbortSignal.any([options.signal, this.#idle.signal]);
  }

  async run(): Promise<void> {
    const { runtime, stackName, services = [], lines, options, notBefore, last } = this.#options;
    last?.addEventListener("abort", () => void this.#leaveRunning(), { once: true });
    const watching = this.#watch();
    const found = await stackContainers(runtime, stackName, { all: true, services });
    for (const { summary } of found) lines.register(shortName(summary.name, stackName));
    for (const container of found) {
      const { id, state } = container.summary;
      const isOver = state.status === "exited" || state.status === "dead";
      const isNew = state.status === "created";
      if (!isNew) this.#old.add(id);
      // What was said before is not shown when only what comes from then on is wanted, nor after another start.
      if (options.sinceNs !== undefined && !isNew && !this.#resumeNs.has(id))
        this.#resumeNs.set(id, options.sinceNs);
      if (!isOver || options.sinceNs === undefined) this.#begin(container, options);
      if (isNew) this.#expect(container.summary);
    }
    if (notBefore !== undefined) {
      await Promise.allSettled([notBefore]);
      // What has not been started by now was not meant to be, or could not.
      this.#due.clear();
    }
    // What has started by now, though its event may still be on the way.
    if (notBefore !== undefined && !this.#end.aborted) await this.#beginStarted();
    this.#mayEnd = true;
    this.#endIfIdle();
    await watching;
    await Promise.all(this.#active.values());
  }

  async #leaveRunning(): Promise<void> {
    const { runtime, stackName } = this.#options;
    const running = await stackContainers(runtime, stackName, {}).catch(() => []);
    for (const { summary } of running) this.#leaving.get(summary.id)?.abort();
    this.#due.clear();
    this.#endIfIdle();
  }

  /** Those that run, and those that have started and ended meanwhile. */
  async #beginStarted(): Promise<void> {
    const { runtime, stackName, services = [] } = this.#options;
    for (const container of await stackContainers(runtime, stackName, { all: true, services })) {
      const { id, state } = container.summary;
      if (this.#active.has(id)) continue;
      const options = this.#optionsFor(id);
      const isOurs = state.status === "running" || (await this.#hasEndedMeanwhile(id));
      if (isOurs) this.#begin(container, options);
    }
  }

  /** Its events may still be on the way. */
  async #hasEndedMeanwhile(id: string): Promise<boolean> {
    const { runtime, options } = this.#options;
    const found = await runtime.containers.inspect(id).catch(() => undefined);
    if (found?.state.status !== "exited" || this.#told.has(runOf(found))) return false;
    if ((startOf(found) ?? 0n) < (options.sinceNs ?? 0n)) return false;
    this.#dieCodes.set(id, found.state.exitCode);
    return true;
  }

  async #watch(): Promise<void> {
    const { runtime, stackName } = this.#options;
    const label = [`${LABEL.project}=${stackName}`];
    const filters = { type: ["container"], event: ["create", "start", "die", "destroy"], label };
    try {
      for await (const event of runtime.events({ filters }, this.#end)) await this.#onEvent(event);
    } catch (error) {
      if (!isCancelled(error)) throw error;
    }
  }

  async #onEvent(event: RuntimeEvent): Promise<void> {
    const { id, action, attributes } = event;
    if (action === "create") {
      this.#expect({ id, labels: attributes });
      return;
    }
    if (action === "die") {
      this.#dieCodes.set(id, Number(attributes["exitCode"] ?? 0));
      this.#options.onExit?.(event);
      return;
    }
    if (action === "start") {
      await this.#onStart(event);
      // By now no end of an earlier run can be told any more.
      this.#options.onStart?.(event);
    }
    this.#settled.add(id);
    if (this.#due.delete(id)) this.#endIfIdle();
  }

  async #onStart({ id, attributes, timeNs }: RuntimeEvent): Promise<void> {
    if (!this.#isFollowed(placeBy(attributes))) return;
    const summary = await this.#options.runtime.containers.inspect(id).catch(() => undefined);
    if (summary === undefined) return;
    // Of an earlier run nothing was asked for, or all was said. The event comes after the first words, and the look later.
    if (this.#old.has(id) && !this.#resumeNs.has(id)) {
      const startedNs = startOf(summary) ?? timeNs;
      this.#resumeNs.set(id, startedNs < timeNs ? startedNs : timeNs);
    }
    this.#begin(placed(summary), this.#optionsFor(id));
  }

  /** Where it was not begun yet, or is begun again: all from where reading was. */
  #optionsFor(id: string): LogOptions {
    return compact<LogOptions>({
      sinceNs: this.#resumeNs.get(id),
      untilNs: this.#options.options.untilNs,
    });
  }

  /**
   * One that takes another's place is there before that one is stopped, and started after it. Any other that was
   * made may never be started.
   */
  #expect({ id, labels }: Pick<ContainerInfo, "id" | "labels">): void {
    if (labels[LABEL.replace] === undefined || !this.#isFollowed(placeBy(labels))) return;
    if (this.#options.last?.aborted !== true && !this.#settled.has(id)) this.#due.add(id);
  }

  #isFollowed(place: Place): boolean {
    const { services = [], isWanted = () => true } = this.#options;
    const isNamed = services.length === 0 || services.includes(place.service);
    return isNamed && !place.isOneOff && isWanted(place);
  }

  #begin(container: StackContainer, options: LogOptions): void {
    const { lines, stackName } = this.#options;
    const { id, name, state } = container.summary;
    if (!this.#isFollowed(container)) return;
    if (this.#options.last?.aborted === true && state.status !== "exited") return;
    if (this.#active.has(id)) {
      this.#again.add(id);
      return;
    }
    lines.register(shortName(name, stackName));
    const copying = this.#copy(container, options);
    // It is told at the end, which this brings about.
    copying.catch(() => this.#idle.abort());
    this.#active.set(id, copying);
  }

  async #copy(container: StackContainer, options: LogOptions): Promise<void> {
    const { runtime, lines, stackName } = this.#options;
    const { id, name, state } = container.summary;
    const source = lines.source(shortName(name, stackName));
    const leaving = new AbortController();
    this.#leaving.set(id, leaving);
    const end = AbortSignal.any([this.#end, leaving.signal]);
    try {
      const entries = runtime.containers.logs(id, {
        ...options,
        follow: true,
        // Also to go on where reading was cut off.
        timestamps: true,
        signal: end,
      });
      for await (const entry of entries) {
        source.add(entry);
        const lastNs = entry.timesNs?.at(-1);
        if (lastNs !== undefined) this.#resumeNs.set(id, lastNs + 1n);
        await lines.ready();
      }
    } catch (error) {
      const problem = unreadable(container, error);
      if (problem !== undefined) await this.#outlast(id, problem, end);
      else if (!isCancelled(error) && !isGone(error)) throw error;
    }
    source.flush();
    const isLeft = () => end.aborted || this.#again.has(id);
    const found = isLeft() ? undefined : await runtime.containers.inspect(id).catch(() => undefined);
    const isReadToEnd = options.untilNs !== undefined && options.untilNs <= nowNs();
    const isCutShort = !isLeft() && isAlive(found) && !isReadToEnd;
    // The engine was restarted, for example: then it is read on, not at once.
    if (isCutShort) await sleep(RESUME_MS, undefined, { signal: this.#end }).catch(() => {});
    // It counts as followed until its end is told: the last one to be left ends the whole.
    else if (!isLeft() && !isAlive(found) && (state.status !== "exited" || this.#dieCodes.has(id)))
      this.#tellEnd(container, found);
    this.#active.delete(id);
    this.#leaving.delete(id);
    const isWanted = this.#again.delete(id) || isCutShort;
    if (isWanted && !leaving.signal.aborted)
      this.#begin(container, this.#resumeNs.has(id) ? this.#optionsFor(id) : options);
    this.#endIfIdle();
  }

  async #outlast(id: string, problem: string, signal: AbortSignal): Promise<void> {
    const { runtime, warn } = this.#options;
    if (!this.#unreadable.has(id)) warn(problem);
    this.#unreadable.add(id);
    await runtime.containers.wait(id, { signal }).catch((error: unknown) => {
      if (!isCancelled(error) && !isGone(error)) throw error;
    });
  }

  /** Once for each run of its process, however often its log was begun. */
  #tellEnd(container: StackContainer, found: ContainerInfo | undefined): void {
    if (found !== undefined) {
      if (this.#told.has(runOf(found))) return;
      this.#told.add(runOf(found));
    }
    this.#options.onEnd?.(container, found?.state.exitCode ?? this.#dieCodes.get(container.summary.id) ?? 0);
  }

  #endIfIdle(): void {
    const isIdle = this.#mayEnd && this.#active.size === 0 && this.#due.size === 0;
    if (isIdle && this.#options.isHeld?.() !== true) this.#idle.abort();
  }
}

function isAlive(container: ContainerInfo | undefined): boolean {
  const status = container?.state.status;
  return status === "running" || status === "paused" || status === "restarting";
}

function startOf({ state }: ContainerInfo): bigint | undefined {
  return state.startedAt && BigInt(state.startedAt.getTime()) * 1_000_000n;
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** One life of a container's process. */
function runOf({ id, state }: ContainerInfo): string {
  return `${id} ${state.startedAt?.getTime() ?? ""}`;
}

export function isCancelled(error: unknown): boolean {
  return (
    error instanceof Error && ("kind" in error ? error.kind === "cancelled" : error.name === "AbortError")
  );
}

/** What to say when the log driver keeps nothing that could be read; undefined for any other error. */
export function unreadable({ summary }: StackContainer, error: unknown): string | undefined {
  if (!hasKind(error, "unsupported")) return undefined;
  return `warning: Cannot show the output of ${summary.name}: ${error.message}`;
}

/** It was removed while we read. */
function isGone(error: unknown): boolean {
  return hasKind(error, "not-found");
}
