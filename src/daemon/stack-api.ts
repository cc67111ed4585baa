import type { Desired, Plan, Request } from "../planner/index.ts";
import type { ProgressEvent, Report, StackStatus } from "../reconciler/index.ts";
import { RuntimeError } from "../runtime/index.ts";
import type { Stack } from "../spec/index.ts";

/** Everything of ours lies under it, beside the Docker Engine API. */
export const STACK_API = "/stowage/v1";

/** What a person asks of one stack. */
export interface StackAsk {
  readonly stackName: string;
  readonly request: Request;
  /** As loaded now; absent when the command had no file at hand. */
  readonly stack?: Stack;
  /** Pulls and builds at once; absent: as many as there is room for. */
  readonly imagesAtOnce?: number;
}

/** Lines of the answer to an ask: waiting for one's turn, progress, and at the end a report or an error. */
export type StackEvent =
  | { readonly kind: "queued"; readonly behind: string }
  | ProgressEvent
  | { readonly kind: "report"; readonly report: Report }
  | { readonly kind: "failed"; readonly error: unknown };

/** One stored stack. */
export interface StackEntry {
  readonly name: string;
  /** Absent when what is stored cannot be read. */
  readonly desired?: Desired;
  readonly revision: number;
  readonly updatedAt: string;
  readonly status?: StackStatus;
  /** What is wrong with what is stored. */
  readonly problem?: string;
}

export interface DaemonStatus {
  readonly pid: number;
  readonly version: string;
  readonly rootDir: string;
  readonly runDir: string;
  readonly socket: string;
  readonly startedAt: string;
  readonly engine: { readonly name: string; readonly version: string; readonly ociRuntime: string };
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly stacks: readonly {
    readonly name: string;
    readonly revision: number;
    readonly state: string;
    readonly problem?: string;
  }[];
  readonly memoryBytes: number;
}

export interface AskListener {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Exclude<StackEvent, { kind: "report" | "failed" }>) => void;
}

/** Stacks as the CLI sees them: kept by a daemon, or worked on in process against a foreign engine. */
export interface Stacks {
  /** What the request would do, with nothing changed. */
  plan(ask: StackAsk): Promise<Plan>;
  /** Carries it out. Concurrent requests for one stack queue, and say so. Aborting cancels what has not begun. */
  ask(ask: StackAsk, listener?: AskListener): Promise<Report>;
  get(stackName: string): Promise<StackEntry | undefined>;
  list(): Promise<readonly StackEntry[]>;
}

/** Of a request that the daemon's end cuts short, whoever notices it first. */
export function lostDaemon({ stackName, request }: StackAsk): RuntimeError {
  return new RuntimeError(
    "unavailable",
    `Lost the daemon while it worked on \`${request.do}\` of stack "${stackName}": it ended or was killed; the same command again starts it and goes on where it stopped`,
  );
}
