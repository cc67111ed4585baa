import { Mutex } from "../../../lib/keyed-mutex.ts";
import type { Health } from "../../index.ts";
import type { Sandbox, SandboxRequest } from "../parts.ts";
import { type Effective, effectiveOf } from "./effective.ts";
import type { ContainerRecord } from "./record.ts";

/** One life of a container's process, from start to exit; `run.json` in its bundle. Gone after a reboot. */
export interface Run {
  readonly pid: number;
  /** Start time of the process in clock ticks: tells it from another that got its number. */
  readonly pidStartTicks: string;
  readonly monitorPid: number;
  /** Of the kernel's run: a pid of another is nobody's. */
  readonly bootId: string;
  readonly startedAt: number;
  readonly cgroupsPath: string;
  readonly request: SandboxRequest;
  readonly sandbox: Sandbox;
  /** Variables of its links: its execs have them, too. */
  readonly linkEnv?: readonly string[];
  /** What its health was last, for the engine that adopts it. */
  readonly health?: Health["status"];
}

/** What a run ended with. */
export interface ExitStatus {
  readonly exitCode: number;
  readonly finishedAt: number;
  readonly error?: string;
}

/** A container as it lives in this process: its record, its run, who waits for it. */
export class Container {
  /** The stored record; replaced whole, never changed. */
  record: ContainerRecord;
  run: Run | undefined;
  health: Health | undefined;
  /** Changes of state happen one after the other; reading needs no lock. */
  readonly lock = new Mutex();
  /** Somebody stopped this run: the restart policy does not bring it back. */
  isStopRequested = false;
  /** A `restart` by somebody is under way: the exit in the middle is none to react to. */
  isRestartRequested = false;
  /** Its monitor's end comes to us by itself; one we adopted we have to look after. */
  hasWatchedMonitor = false;
  /** Ends a pending restart of the policy. */
  cancelRestart: (() => void) | undefined;
  lastDelayMs: number | undefined;
  /** Ends the health checks of the run. */
  stopProbes: (() => void) | undefined;
  /** The shared way to the process's stdin. */
  stdin: StdinLine | undefined;
  readonly execs = new Set<string>();
  /** Execs on their way in; each resolves when its program has begun or it has failed. */
  readonly entering = new Set<Promise<void>>();
  /** Who reads or writes its files from outside now: its root stays mounted for them. */
  rootUsers = 0;
  readonly #exitListeners = new Set<(status: ExitStatus) => void>();
  readonly #startListeners = new Set<() => void>();
  readonly #removalListeners = new Set<() => void>();
  #effective: { readonly of: ContainerRecord["spec"]; readonly value: Effective } | undefined;

  constructor(record: ContainerRecord) {
    this.record = record;
  }

  get id(): string {
    return this.record.id;
  }

  get effective(): Effective {
    if (this.#effective?.of !== this.record.spec) {
      const { spec, imageConfig, id } = this.record;
      this.#effective = { of: spec, value: effectiveOf(spec, imageConfig, id) };
    }
    return this.#effective.value;
  }

  /** Called once, at the end of the run that runs then (or the next one). Returns how to unsubscribe. */
  onExit(listener: (status: ExitStatus) => void): () => void {
    return subscribe(this.#exitListeners, listener);
  }

  onStart(listener: () => void): () => void {
    return subscribe(this.#startListeners, listener);
  }

  onRemoval(listener: () => void): () => void {
    return subscribe(this.#removalListeners, listener);
  }

  announceStart(): void {
    for (const listener of drain(this.#startListeners)) listener();
  }

  announceExit(status: ExitStatus): void {
    for (const listener of drain(this.#exitListeners)) listener(status);
  }

  announceRemoval(): void {
    for (const listener of drain(this.#removalListeners)) listener();
  }
}

/** A connection to a container's stdin; see attach.ts. */
export interface StdinLine {
  write(data: Uint8Array): Promise<void>;
  end(): Promise<void>;
  close(): void;
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function drain<T>(listeners: Set<T>): readonly T[] {
  const all = [...listeners];
  listeners.clear();
  return all;
}
