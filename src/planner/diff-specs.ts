import { stableJson } from "../lib/stable-json.ts";
import type { ContainerSpec } from "../runtime/index.ts";
import { isBookkeeping } from "./labels.ts";
import type { FieldChange } from "./plan.ts";

const SECRET = /pass(word|wd|phrase)?|secret|token|credential|private|api_?key/i;
const LONGEST = 80;

/** Engines fill these in where nothing was asked for: that they are gone again is no change. */
const FILLED_IN =
  /^(attachStd(in|out|err)|stdinOnce|cgroupnsMode|ipcMode|shmSizeBytes|runtime|maskedPaths|readonlyPaths|macAddress|hostname|log\..*|restartPolicy\..*|resources\.memorySwapBytes|networks\..*\.(ipv4Address|macAddress))$/;

/** The fields in which two specs differ, by path, old -> new; values that look secret are not shown. */
export function diffSpecs(before: ContainerSpec, after: ContainerSpec): readonly FieldChange[] {
  const from = flatten(before);
  const to = flatten(after);
  const fields = [...new Set([...from.keys(), ...to.keys()])].sort();
  return fields.flatMap((field) => {
    const [old, now] = [from.get(field), to.get(field)];
    if (old === now || (now === undefined && FILLED_IN.test(field))) return [];
    return [
      {
        field,
        ...(old !== undefined && { from: shown(field, old) }),
        ...(now !== undefined && { to: shown(field, now) }),
      },
    ];
  });
}

function shown(field: string, text: string): string {
  if (SECRET.test(field)) return "(hidden)";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}...` : text;
}

function flatten(spec: ContainerSpec): ReadonlyMap<string, string> {
  const { env = [], labels = {}, capAdd, capDrop, ...rest } = spec;
  const found = new Map<string, string>();
  if (capAdd !== undefined) found.set("capAdd", stableJson(capAdd.map(capability)));
  if (capDrop !== undefined) found.set("capDrop", stableJson(capDrop.map(capability)));
  for (const entry of env) {
    const at = entry.indexOf("=");
    found.set(`env.${at < 0 ? entry : entry.slice(0, at)}`, at < 0 ? "(unset)" : quoted(entry.slice(at + 1)));
  }
  for (const [key, value] of Object.entries(labels))
    if (!isBookkeeping(key)) found.set(`labels.${key}`, quoted(value));
  for (const [key, value] of Object.entries(rest)) walk(key, value, found);
  return found;
}

function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}

function walk(path: string, value: unknown, found: Map<string, string>): void {
  if (value === undefined) return;
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object")) found.set(path, stableJson(value));
    else for (const [index, item] of value.entries()) found.set(`${path}[${index}]`, stableJson(item));
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) walk(`${path}.${key}`, item, found);
  } else found.set(path, quoted(value));
}

function quoted(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
