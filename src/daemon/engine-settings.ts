import { readFileSync } from "node:fs";
import type { RegistrySettings } from "../runtime/engine/index.ts";
import { RuntimeError } from "../runtime/index.ts";

/** The keys of Docker's daemon.json that mean something here, and what they become. */
const KEYS = { "registry-mirrors": "mirrors", "insecure-registries": "insecure" } as const;

/**
 * Reads the engine's settings: JSON with the keys that users know from Docker's daemon.json. A missing file is
 * no settings. Rejects (`invalid`) what it does not know, so that nothing written there is silently ignored.
 */
export function readEngineSettings(path: string): RegistrySettings {
  const values = parse(path);
  const problems: string[] = [];
  const settings: { -readonly [K in keyof RegistrySettings]: RegistrySettings[K] } = {};
  for (const [key, value] of Object.entries(values)) {
    if (!isKnown(key)) problems.push(`unknown key "${key}", known are ${Object.keys(KEYS).join(" and ")}`);
    else if (!Array.isArray(value) || value.some((item) => typeof item !== "string"))
      problems.push(`"${key}" must be a list of texts`);
    else settings[KEYS[key]] = value as string[];
  }
  if (problems.length === 0) return settings;
  throw new RuntimeError("invalid", `Cannot use the settings in ${path}: ${problems.join("; ")}`);
}

function isKnown(key: string): key is keyof typeof KEYS {
  return Object.hasOwn(KEYS, key);
}

function parse(path: string): object {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new RuntimeError("invalid", `Cannot read the settings in ${path}`, { cause });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new RuntimeError("invalid", `Cannot use the settings in ${path}: it is not JSON`, { cause });
  }
  throw new RuntimeError("invalid", `Cannot use the settings in ${path}: it must be a JSON object`);
}
