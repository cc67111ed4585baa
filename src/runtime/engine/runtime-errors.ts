import { type ErrorKind, RuntimeError } from "../index.ts";

/**
 * The same port, but whatever leaves it as a rejection is a `RuntimeError`: what the operating system says is
 * given a kind here, once, instead of at every place that touches a file.
 */
export function withRuntimeErrors<Port extends object>(port: Port): Port {
  return new Proxy(port, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target);
      if (typeof member !== "function") return member;
      return (...args: readonly unknown[]) => translated(Reflect.apply(member, target, [...args]));
    },
  });
}

function translated(result: unknown): unknown {
  if (result instanceof Promise) return result.catch(fail);
  if (isAsyncIterable(result)) return iterated(result);
  return result;
}

async function* iterated(source: AsyncIterable<unknown>): AsyncGenerator<unknown, void, void> {
  try {
    yield* source;
  } catch (error) {
    fail(error);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function fail(error: unknown): never {
  throw toRuntimeError(error);
}

const KINDS: Readonly<Record<string, ErrorKind>> = {
  ENOSPC: "exhausted",
  EDQUOT: "exhausted",
  EMFILE: "exhausted",
  ENFILE: "exhausted",
  ENOMEM: "exhausted",
  EAGAIN: "exhausted",
  EROFS: "unavailable",
  EIO: "unavailable",
  EACCES: "forbidden",
  EPERM: "forbidden",
  ABORT_ERR: "cancelled",
};

export function toRuntimeError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new RuntimeError(KINDS[code] ?? "internal", message, { cause: error });
}
