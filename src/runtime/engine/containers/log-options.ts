import { type ContainerSpec, checkLogAttributes, RuntimeError } from "../../index.ts";

export interface LogLimits {
  /** Bytes of one file; undefined: never rotated. */
  readonly maxBytes: number | undefined;
  /** Files in all, the one being written included. */
  readonly maxFiles: number;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Docker's drivers that we can stand for: all end in the same files. */
const DEFAULTS: Readonly<Record<string, LogLimits>> = {
  "json-file": { maxBytes: undefined, maxFiles: 1 },
  local: { maxBytes: 20 * 1024 ** 2, maxFiles: 5 },
  // Nobody may read it later; it only carries the output to who is attached.
  none: { maxBytes: 1024 ** 2, maxFiles: 1 },
};

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  "max-size",
  "max-file",
  "compress",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
  "tag",
  "mode",
  "max-buffer-size",
]);

/** `invalid` with Docker's words for a driver or an option that does not exist. */
export function logLimits({ driver, options = {} }: NonNullable<ContainerSpec["log"]> = {}): LogLimits {
  const name = driver === undefined || driver === "" ? "json-file" : driver;
  const defaults = DEFAULTS[name];
  if (defaults === undefined) throw noDriver(name);
  for (const key of Object.keys(options))
    if (!KNOWN_OPTIONS.has(key))
      throw new RuntimeError("invalid", `unknown log opt '${key}' for ${name} log driver`);
  checkLogAttributes(options);
  const { "max-size": maxSize, "max-file": maxFile } = options;
  const maxFiles = maxFile === undefined ? defaults.maxFiles : Number(maxFile);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw new RuntimeError("invalid", "max-file cannot be less than 1");
  return { maxBytes: maxSize === undefined ? defaults.maxBytes : parseSize(maxSize), maxFiles };
}

/** Drivers that come with dockerd and send the log away from the machine, or to a service of it. */
const FOREIGN = new Set(["awslogs", "fluentd", "gcplogs", "gelf", "journald", "splunk", "syslog"]);

function noDriver(name: string): RuntimeError {
  if (FOREIGN.has(name))
    return new RuntimeError(
      "invalid",
      `Cannot log with driver "${name}": the drivers here are ${Object.keys(DEFAULTS).join(", ")}`,
    );
  return new RuntimeError("invalid", `error looking up logging plugin ${name}: plugin "${name}" not found`);
}

/** A sentence for what exists in Docker and does nothing here. */
export function logWarnings({ options = {} }: NonNullable<ContainerSpec["log"]> = {}): readonly string[] {
  const isAsked = options["compress"] === "true";
  return isAsked ? ['log option "compress" has no effect: rotated files stay as they are'] : [];
}

function parseSize(text: string): number | undefined {
  if (text === "-1") return undefined;
  const [, count, unit] = /^(\d+(?:\.\d+)?)([bkmg]?)b?$/i.exec(text.trim()) ?? [];
  const factor = UNITS[(unit ?? "?").toLowerCase()];
  if (count === undefined || factor === undefined || Number(count) === 0)
    throw new RuntimeError("invalid", `invalid value for max-size: "${text}"`);
  return Math.floor(Number(count) * factor);
}
