import { type ContainerSpec, checkLogAttributes, RuntimeError } from "../../index.ts";

export interface LogLimits {
  /** Bytes of one file; undefined: never rotated. */
  readonly maxBytes: number | undefined;
  /** Files in all, the one being written included. */
  readonly maxFiles: number;
  /** Rotated files are kept compressed. */
  readonly isCompressed: boolean;
}

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Docker's drivers that we can stand for: all end in the same files. */
const DEFAULTS: Readonly<Record<string, LogLimits>> = {
  "json-file": { maxBytes: undefined, maxFiles: 1, isCompressed: false },
  local: { maxBytes: 20 * 1024 ** 2, maxFiles: 5, isCompressed: true },
  // Nobody may read it later; it only carries the output to who is attached.
  none: { maxBytes: 1024 ** 2, maxFiles: 1, isCompressed: false },
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
  const { "max-size": maxSize, "max-file": maxFile, compress } = options;
  const maxFiles = maxFile === undefined ? defaults.maxFiles : Number(maxFile);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw new RuntimeError("invalid", "max-file cannot be less than 1");
  const maxBytes = maxSize === undefined ? defaults.maxBytes : parseSize(maxSize);
  const isCompressed = compress === undefined ? defaults.isCompressed : parseFlag(compress);
  if (isCompressed) refuseNothingToCompress(name, { maxBytes, maxFiles });
  return { maxBytes, maxFiles, isCompressed };
}

/** In each driver's own words. */
function refuseNothingToCompress(
  name: string,
  { maxBytes, maxFiles }: Omit<LogLimits, "isCompressed">,
): void {
  if (name === "local" && maxFiles === 1)
    throw new RuntimeError("invalid", "compression cannot be enabled when max file count is 1");
  if (name === "json-file" && (maxBytes === undefined || maxFiles < 2))
    throw new RuntimeError(
      "invalid",
      "compress cannot be true when max-file is less than 2 or max-size is not set",
    );
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

/** As Go reads a flag. */
function parseFlag(text: string): boolean {
  if (/^(?:1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new RuntimeError("invalid", `invalid value for compress: "${text}", it may be true or false`);
}

function parseSize(text: string): number | undefined {
  if (text === "-1") return undefined;
  const [, count, unit] = /^(\d+(?:\.\d+)?)([bkmg]?)b?$/i.exec(text.trim()) ?? [];
  const factor = UNITS[(unit ?? "?").toLowerCase()];
  if (count === undefined || factor === undefined || Number(count) === 0)
    throw new RuntimeError("invalid", `invalid value for max-size: "${text}"`);
  return Math.floor(Number(count) * factor);
}
