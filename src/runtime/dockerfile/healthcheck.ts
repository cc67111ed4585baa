import { compact } from "../../lib/compact.ts";
import { type HealthcheckSpec, RuntimeError } from "../index.ts";
import { parseTextList } from "./name-values.ts";

const DURATIONS: Readonly<Record<string, keyof HealthcheckSpec>> = {
  interval: "intervalMs",
  timeout: "timeoutMs",
  "start-period": "startPeriodMs",
  "start-interval": "startIntervalMs",
};
const UNIT_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** `NONE`, or `[--interval=..] [--timeout=..] [--start-period=..] [--start-interval=..] [--retries=..] CMD ...`. */
export function parseHealthcheck(args: string): HealthcheckSpec {
  const spec: { -readonly [K in keyof HealthcheckSpec]: HealthcheckSpec[K] } = {};
  let rest = args.trim();
  for (let flag = nextFlag(rest); flag !== undefined; flag = nextFlag(rest)) {
    rest = flag.rest;
    const field = DURATIONS[flag.name];
    if (field !== undefined) Object.assign(spec, { [field]: durationMs(flag.name, flag.value) });
    else if (flag.name === "retries") spec.retries = retriesOf(flag.value);
    else throw invalid(`unknown flag: --${flag.name}`);
  }
  const [, kind = "", command = ""] = /^(\S*)\s*(.*)$/s.exec(rest) ?? [];
  switch (kind.toUpperCase()) {
    case "":
      throw invalid("HEALTHCHECK requires at least one argument");
    case "NONE":
      if (command !== "") throw invalid("HEALTHCHECK NONE takes no arguments");
      return { test: ["NONE"] };
    case "CMD":
      return compact<HealthcheckSpec>({ ...spec, test: testOf(command) });
    default:
      throw invalid(`Unknown type "${kind.toUpperCase()}" in HEALTHCHECK (try CMD)`);
  }
}

function testOf(command: string): readonly string[] {
  const list = parseTextList(command);
  if (command.trim() === "" || list?.length === 0) throw invalid("Missing command after HEALTHCHECK CMD");
  return list === undefined ? ["CMD-SHELL", command.trim()] : ["CMD", ...list];
}

function nextFlag(
  text: string,
): { readonly name: string; readonly value: string; readonly rest: string } | undefined {
  const match = /^--([a-z-]+)(?:=(\S*))?\s*/.exec(text);
  if (match === null) return undefined;
  return { name: match[1] ?? "", value: match[2] ?? "", rest: text.slice(match[0].length) };
}

function retriesOf(text: string): number {
  if (/^-\d{1,9}$/.test(text)) throw invalid(`--retries cannot be negative (${text})`);
  if (!/^\d{1,9}$/.test(text))
    throw invalid(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** A duration as Go writes it: `1m30s`, `1.5h`, `100ms`. */
function durationMs(name: string, text: string): number {
  if (text === "0") return 0;
  if (!/^(?:\d+(?:\.\d*)?(?:h|ms|m|s|us|µs|ns))+$/.test(text))
    throw invalid(`time: invalid duration "${text}"`);
  let total = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(/(\d+(?:\.\d*)?)(h|ms|m|s|us|µs|ns)/g))
    total += Number(amount) * (UNIT_MS[unit] ?? 0);
  if (total < 1) throw invalid(`Interval "${name}" cannot be less than 1ms`);
  return total;
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid", message);
}
