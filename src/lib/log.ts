import { UNSEEN } from "./unseen.ts";

/** For the operator: a constant message and fields; one line per handled event. */
export interface Log {
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  /** The same log with fields added to every line. */
  child(fields: LogFields): Log;
}

export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = "error" | "warn" | "info" | "debug";

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** Errors among the fields become the chain of their messages. */
function plainFields(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? errorChain(value) : value]),
  );
}

/** The messages of an error and of its causes, outermost first, joined by `: `. */
export function errorChain(error: unknown): string {
  const messages: string[] = [];
  for (let at: unknown = error; at !== undefined && messages.length < 10; ) {
    if (!(at instanceof Error)) {
      messages.push(String(at));
      break;
    }
    messages.push(at.message);
    at = at.cause;
  }
  return messages.join(": ");
}

type Render = (level: LogLevel, message: string, fields: LogFields, at: Date) => string;

const asJson: Render = (level, message, fields, at) =>
  JSON.stringify({ time: at.toISOString(), level, message, ...plainFields(fields) });

const asText: Render = (level, message, fields, at) => {
  const pairs = Object.entries(plainFields(fields)).map(([key, value]) => ` ${key}=${textOf(value)}`);
  return `${at.toISOString()} ${level.padEnd(5)} ${message}${pairs.join("")}`;
};

/** A value as one line that no terminal obeys: containers, clients and registries have a say in it. */
function textOf(value: unknown): string {
  if (typeof value === "string" && value.search(UNSEEN) < 0) return value;
  return String(JSON.stringify(value)).replace(
    UNSEEN,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function makeLog(render: Render, write: (line: string) => void, least: LogLevel, base: LogFields): Log {
  const threshold = LEVELS.indexOf(least);
  const emit = (level: LogLevel) => (message: string, fields?: LogFields) => {
    if (LEVELS.indexOf(level) > threshold) return;
    write(`${render(level, message, { ...base, ...fields }, new Date())}\n`);
  };
  return {
    error: emit("error"),
    warn: emit("warn"),
    info: emit("info"),
    debug: emit("debug"),
    child: (fields) => makeLog(render, write, least, { ...base, ...fields }),
  };
}

/** One JSON object a line. */
export function jsonLog(write: (line: string) => void, least: LogLevel = "info"): Log {
  return makeLog(asJson, write, least, {});
}

/** Lines for a person. */
export function textLog(write: (line: string) => void, least: LogLevel = "info"): Log {
  return makeLog(asText, write, least, {});
}

export const silentLog: Log = {
  error: () => {},
  warn: () => {},
  info: () => {},
  debug: () => {},
  child: () => silentLog,
};
