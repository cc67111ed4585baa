import { patternTable } from "./path-pattern.ts";
import type { ScalarType, ScalarValue } from "./source-tree.ts";

export interface Cast {
  readonly type: ScalarType;
  /** What a text must be: "a whole number". */
  readonly wants: string;
  readonly convert: (text: string) => ScalarValue | undefined;
  /** A text that is taken, though YAML 1.2 has another word for it. */
  readonly isOutdated?: (text: string) => boolean;
}

const OLD_YES = new Set(["y", "yes", "on"]);
const OLD_NO = new Set(["n", "no", "off"]);

export const toBoolean: Cast = {
  type: "bool",
  wants: "true or false",
  convert: (text) => {
    const word = text.toLowerCase();
    if (word === "true" || OLD_YES.has(word)) return true;
    return word === "false" || OLD_NO.has(word) ? false : undefined;
  },
  isOutdated: (text) => OLD_YES.has(text.toLowerCase()) || OLD_NO.has(text.toLowerCase()),
};

export const toInteger: Cast = {
  type: "int",
  wants: "a whole number",
  convert: (text) => {
    if (!/^[-+]?[0-9]{1,19}$/.test(text)) return undefined;
    const value = Number(text);
    return Number.isSafeInteger(value) ? value : int64(BigInt(text.replace("+", "")));
  },
};

export const toFloat: Cast = {
  type: "float",
  wants: "a number",
  convert: (text) => parseGoFloat(text),
};

function int64(value: bigint): bigint | undefined {
  return BigInt.asIntN(64, value) === value ? value : undefined;
}

/** What Go's ParseFloat takes, hexadecimal floats and underscores left out. */
export function parseGoFloat(text: string): number | undefined {
  if (/^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$/.test(text)) {
    const value = Number(text);
    return Number.isFinite(value) ? value : undefined;
  }
  const word = text.toLowerCase();
  if (/^\+?inf(inity)?$/.test(word)) return Number.POSITIVE_INFINITY;
  if (/^-inf(inity)?$/.test(word)) return Number.NEGATIVE_INFINITY;
  return word === "nan" ? Number.NaN : undefined;
}

/** Where a text becomes a number or a boolean once its variables are in (compose-go 2.9.1, loader/interpolate). */
export const CASTS = patternTable<Cast>({
  "services.*.cpu_count": toInteger,
  "services.*.cpu_percent": toFloat,
  "services.*.cpu_period": toInteger,
  "services.*.cpu_quota": toInteger,
  "services.*.cpu_rt_period": toInteger,
  "services.*.cpu_rt_runtime": toInteger,
  "services.*.cpus": toFloat,
  "services.*.cpu_shares": toInteger,
  "services.*.init": toBoolean,
  "services.*.deploy.replicas": toInteger,
  "services.*.deploy.update_config.parallelism": toInteger,
  "services.*.deploy.update_config.max_failure_ratio": toFloat,
  "services.*.deploy.rollback_config.parallelism": toInteger,
  "services.*.deploy.rollback_config.max_failure_ratio": toFloat,
  "services.*.deploy.restart_policy.max_attempts": toInteger,
  "services.*.deploy.placement.max_replicas_per_node": toInteger,
  "services.*.healthcheck.retries": toInteger,
  "services.*.healthcheck.disable": toBoolean,
  "services.*.oom_kill_disable": toBoolean,
  "services.*.oom_score_adj": toInteger,
  "services.*.pids_limit": toInteger,
  "services.*.ports[].target": toInteger,
  "services.*.privileged": toBoolean,
  "services.*.read_only": toBoolean,
  "services.*.scale": toInteger,
  "services.*.stdin_open": toBoolean,
  "services.*.tty": toBoolean,
  "services.*.ulimits.*": toInteger,
  "services.*.ulimits.*.hard": toInteger,
  "services.*.ulimits.*.soft": toInteger,
  "services.*.volumes[].read_only": toBoolean,
  "services.*.volumes[].volume.nocopy": toBoolean,
  "networks.*.external": toBoolean,
  "networks.*.internal": toBoolean,
  "networks.*.attachable": toBoolean,
  "networks.*.enable_ipv4": toBoolean,
  "networks.*.enable_ipv6": toBoolean,
  "volumes.*.external": toBoolean,
  "secrets.*.external": toBoolean,
  "configs.*.external": toBoolean,
});
