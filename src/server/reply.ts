import { type ErrorKind, RuntimeError } from "../runtime/index.ts";

/** A whole answer. What a route streams itself is `SENT`. */
export interface Reply {
  readonly status: number;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** The route has written its answer. */
export const SENT = Symbol("sent");

export function json(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    body: `${JSON.stringify(value)}\n`,
    headers: { "content-type": "application/json", ...headers },
  };
}

export function text(body: string, status = 200): Reply {
  return { status, body, headers: { "content-type": "text/plain; charset=utf-8" } };
}

export function empty(status: number, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, body: "", headers };
}

/** For the places where dockerd's status is not the one its kind would have. */
export class StatusError extends RuntimeError {
  readonly status: number;

  constructor(status: number, kind: ErrorKind, message: string, cause?: unknown) {
    super(kind, message, cause === undefined ? {} : { cause });
    this.status = status;
  }
}

export function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}

/** Gives errors of some kinds another status than theirs. */
export async function withStatus<T>(
  statuses: Readonly<Partial<Record<ErrorKind, number>>>,
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.exitCode !== undefined) throw error;
    const status = statuses[error.kind];
    throw status === undefined ? error : new StatusError(status, error.kind, error.message, error.cause);
  }
}

/** The chain of causes as one line, no text said twice. */
export function messageOf(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const message = at.message.trim();
    if (message !== "" && !parts.some((part) => part.includes(message))) parts.push(message);
  }
  return parts.length === 0 ? String(error) : parts.join(": ");
}
