import { type ErrorKind, RuntimeError } from "../runtime/index.ts";

/**
 * JSON that keeps what a report and its progress are made of: errors with their kind and causes, bytes, dates.
 * Each is an object with one `$` key; an object with such a key of its own (in `x-` of a Compose file) is a list of its
 * entries.
 */
export function toWire(value: unknown): string {
  return JSON.stringify(value, function (this: Record<string, unknown>, key: string, plain: unknown) {
    const raw = this[key];
    if (raw instanceof Error) return { $error: errorToWire(raw) };
    if (raw instanceof Date) return { $date: raw.toISOString() };
    if (raw instanceof Uint8Array) return { $bytes: Buffer.from(raw).toString("base64") };
    if (typeof raw === "bigint") return { $bigint: String(raw) };
    if (isPlain(raw) && Object.keys(raw).some((name) => name.startsWith("$")))
      return { $entries: Object.entries(raw) };
    return plain;
  });
}

export function fromWire(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("$error" in value) return errorFromWire(value.$error as WireError);
    if ("$date" in value) return new Date(value.$date as string);
    if ("$bytes" in value) return new Uint8Array(Buffer.from(value.$bytes as string, "base64"));
    if ("$bigint" in value) return BigInt(value.$bigint as string);
    if ("$entries" in value) return Object.fromEntries(value.$entries as [string, unknown][]);
    return value;
  });
}

function isPlain(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface WireError {
  readonly message: string;
  readonly kind?: ErrorKind;
  readonly exitCode?: number;
  readonly code?: unknown;
  readonly cause?: unknown;
}

function errorToWire(error: Error): WireError {
  return {
    message: error.message,
    ...(error instanceof RuntimeError && { kind: error.kind }),
    ...(error instanceof RuntimeError && error.exitCode !== undefined && { exitCode: error.exitCode }),
    ...("code" in error && { code: error.code }),
    ...(error.cause !== undefined && { cause: error.cause }),
  };
}

function errorFromWire(wire: WireError): Error {
  if (wire.kind === undefined) {
    const error = new Error(wire.message, wire.cause === undefined ? {} : { cause: wire.cause });
    return wire.code === undefined ? error : Object.assign(error, { code: wire.code });
  }
  return new RuntimeError(wire.kind, wire.message, {
    ...(wire.cause !== undefined && { cause: wire.cause }),
    ...(wire.exitCode !== undefined && { exitCode: wire.exitCode }),
  });
}
