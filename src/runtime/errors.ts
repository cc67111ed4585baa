/**
 * What went wrong, in the few kinds that callers branch on. Each layer adds what it was doing and keeps
 * the cause; the printer joins the chain.
 */
export type ErrorKind =
  /** The named thing does not exist. */
  | "not-found"
  /** A thing of that name exists and differs. */
  | "already-exists"
  /** The request itself is wrong, whatever the state. */
  | "invalid"
  /** The request is right, the present state forbids it. */
  | "conflict"
  /** Not allowed, whatever the state (predefined network, active endpoints). */
  | "forbidden"
  /** Credentials are missing or refused. */
  | "unauthorized"
  /** The other side (engine, registry, disk) cannot serve now; trying again may help. */
  | "unavailable"
  | "timeout"
  | "cancelled"
  /** The engine cannot do this at all. */
  | "unsupported"
  /** Disk, memory, ports, addresses: something ran out. */
  | "exhausted"
  | "internal";

/** Where in a file it went wrong. */
export interface ErrorSource {
  readonly name: string;
  readonly text: string;
  /** From 1. */
  readonly firstLine: number;
  readonly lastLine: number;
}

export interface RuntimeErrorOptions {
  readonly cause?: unknown;
  /** For a container whose process could not be started: 126 not executable, 127 not found, 128 else. */
  readonly exitCode?: number;
  /** Of a build: the place in its Dockerfile. */
  readonly source?: ErrorSource;
}

/** The only error that leaves a runtime. `message` says what could not be done, to what, and why. */
export class RuntimeError extends Error {
  override readonly name = "RuntimeError";
  readonly kind: ErrorKind;
  readonly exitCode: number | undefined;
  readonly source: ErrorSource | undefined;

  constructor(kind: ErrorKind, message: string, options: RuntimeErrorOptions = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.kind = kind;
    this.exitCode = options.exitCode;
    this.source = options.source;
  }
}

export function hasKind(error: unknown, ...kinds: readonly ErrorKind[]): error is RuntimeError {
  return error instanceof RuntimeError && kinds.includes(error.kind);
}

/** Whether the same call may succeed later with nothing changed by the caller. */
export function isRetryable(error: unknown): boolean {
  return hasKind(error, "unavailable", "timeout");
}
