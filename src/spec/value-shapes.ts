import { parseGoFloat, toBoolean, toInteger } from "./casts.ts";
import { kindName } from "./merge-nodes.ts";
import { compareText, scalarText } from "./merge-rules.ts";
import { durationText, parseDuration, parseSize } from "./quantities.ts";
import { type DecodeStep, type PrintFormat, value } from "./shape.ts";
import { shellWords } from "./shell-words.ts";
import { isNull, isString, type Node, pathText, type Scalar } from "./source-tree.ts";
import type { EnvFile } from "./stack.ts";

function wrong(node: Node, wants: string, { path, problems }: DecodeStep): undefined {
  if (node.kind === "broken") return undefined;
  const shown = node.kind === "scalar" && node.type !== "null" ? `"${scalarText(node)}"` : kindName(node);
  problems.error("value/type", `${pathText(path)} must be ${wants}, not ${shown}`, { at: node.origin, path });
  return undefined;
}

function complain(node: Node, message: string, { path, problems }: DecodeStep): undefined {
  problems.error("value/form", `${pathText(path)} ${message}`, { at: node.origin, path });
  return undefined;
}

function decodeText(node: Node, step: DecodeStep): string | undefined {
  if (node.kind !== "scalar") return wrong(node, "text", step);
  if (node.type === "string" || node.type === "int") return String(node.value);
  return node.type === "null" ? undefined : wrong(node, "text", step);
}

function decodeNumber(node: Node, step: DecodeStep, wants: string): number | undefined {
  if (node.kind !== "scalar") return wrong(node, wants, step);
  if (node.type === "null") return undefined;
  const number = node.type === "string" ? parseGoFloat(String(node.value)) : Number(node.value);
  const isNumber = node.type === "int" || node.type === "float" || node.type === "string";
  return !isNumber || number === undefined ? wrong(node, wants, step) : number;
}

function decodeInteger(node: Node, step: DecodeStep): number | undefined {
  if (node.kind === "scalar" && node.type === "string") {
    const cast = toInteger.convert(String(node.value));
    return cast === undefined ? wrong(node, "a whole number", step) : Number(cast);
  }
  const number = decodeNumber(node, step, "a whole number");
  return number === undefined ? undefined : Math.trunc(number) + 0;
}

function decodeBoolean(node: Node, step: DecodeStep): boolean | undefined {
  if (node.kind !== "scalar") return wrong(node, "true or false", step);
  if (node.type === "null") return undefined;
  if (node.type === "bool") return node.value === true;
  const cast = node.type === "string" ? toBoolean.convert(String(node.value)) : undefined;
  return cast === undefined ? wrong(node, "true or false", step) : cast === true;
}

/** Text; "" is nothing. */
export const text = value((node, step) => decodeText(node, step) || undefined);
/** Text in a list or a map, where "" counts. */
export const item = value((node, step) => (isNull(node) ? "" : decodeText(node, step)));
/** Any scalar as text. */
export const anyText = value((node, step) =>
  node.kind === "scalar" ? scalarText(node) : wrong(node, "text", step),
);
export const flag = value((node, step) => decodeBoolean(node, step) || undefined);
/** A boolean whose `false` counts. */
export const flagKept = value(decodeBoolean);
export const integer = value((node, step) => decodeInteger(node, step) || undefined);
/** A whole number whose 0 counts. */
export const integerKept = value(decodeInteger);
export const unsigned = value((node, step) => decodeUnsigned(node, step) || undefined);
export const unsignedKept = value((node, step) => decodeUnsigned(node, step));
export const float = value((node, step) => {
  const number = decodeNumber(node, step, "a number");
  return number === undefined || number === 0 ? undefined : shortFloat32(number);
});

/** Unlike other numbers these are never taken from text, where no cast of theirs has made a number of it before. */
function decodeUnsigned(node: Node, step: DecodeStep): number | undefined {
  if (isString(node)) return wrong(node, "a whole number, 0 or more", step);
  const number = decodeInteger(node, step);
  return number !== undefined && number < 0 ? wrong(node, "a whole number, 0 or more", step) : number;
}

/** The shortest number that has the same 32-bit float, which is what Compose keeps. */
export function shortFloat32(number: number): number {
  const single = Math.fround(number);
  for (let digits = 1; digits <= 9; digits += 1) {
    const short = Number(single.toPrecision(digits));
    if (Math.fround(short) === single) return short;
  }
  return single;
}

function decodeSize(node: Node, step: DecodeStep): string | undefined {
  if (node.kind !== "scalar") return wrong(node, "a size", step);
  if (node.type === "null") return undefined;
  if (node.type === "int") return String(node.value);
  if (node.type === "float") return sizeOfFloat(node, step);
  const bytes = node.type === "string" ? parseSize(String(node.value)) : undefined;
  return bytes === undefined ? wrong(node, 'a size such as "64m"', step) : BigInt(bytes).toString();
}

/** Compose drops sizes that YAML reads as floats, without a word; here they count. */
function sizeOfFloat(node: Scalar, step: DecodeStep): string | undefined {
  const bytes = Number(node.value);
  return Number.isFinite(bytes) && bytes >= 0
    ? BigInt(Math.trunc(bytes)).toString()
    : wrong(node, "a size", step);
}

export const size = value((node, step) => {
  const bytes = decodeSize(node, step);
  return bytes === "0" ? undefined : bytes;
});
export const sizeKept = value((node, step) => decodeSize(node, step) ?? "0");

function decodeDuration(node: Node, step: DecodeStep): string | undefined {
  if (isNull(node)) return undefined;
  if (node.kind !== "scalar") return wrong(node, "a duration", step);
  const written = scalarText(node);
  const parsed = parseDuration(written);
  if (typeof parsed === "bigint") return durationText(parsed);
  return complain(node, `"${written}" ${parsed.wrong}: write it as "1m30s"`, step);
}

/** A duration whose "0s" counts. */
export const durationKept = value(decodeDuration);
export const duration = value((node, step) => {
  const decoded = decodeDuration(node, step);
  return decoded === "0s" ? undefined : decoded;
});

export const mode = value((node, step) => {
  if (isNull(node)) return undefined;
  if (node.kind === "scalar" && node.type === "int") return `0${Number(node.value).toString(8)}`;
  const written = isString(node) ? node.value : "";
  if (!/^[-+]?[0-7]+$/.test(written)) return wrong(node, 'an octal mode such as "0440"', step);
  return `0${Number.parseInt(written, 8).toString(8)}`;
});

export const command = value((node, step) => {
  if (isNull(node)) return undefined;
  if (node.kind === "list")
    return node.items.map((word, index) => wordIn(word, { ...step, path: [...step.path, index] }));
  if (!isString(node)) return wrong(node, "text or a list of texts", step);
  const parsed = shellWords(node.value);
  if (parsed === undefined) return complain(node, "has a quote or bracket that is never closed", step);
  if (parsed.cutAt !== undefined) {
    step.problems.warning(
      "value/command-cut",
      `${pathText(step.path)} ends at "${node.value[parsed.cutAt]}": Compose runs no shell`,
      { at: node.origin, path: step.path, hint: 'for a shell write ["sh", "-c", "..."]' },
    );
  }
  return parsed.words;
});

function wordIn(node: Node, step: DecodeStep): string {
  return isString(node) ? node.value : (wrong(node, "text", step) ?? "");
}

export const healthTest = value((node, step) => {
  if (isNull(node)) return undefined;
  if (isString(node)) return ["CMD-SHELL", node.value];
  if (node.kind !== "list") return wrong(node, "text or a list of texts", step);
  const words = node.items.map((word, index) => wordIn(word, { ...step, path: [...step.path, index] }));
  return words.length === 0 ? undefined : words;
});

/** A list of texts, or one text. */
export const textOrList = value((node, step) => {
  if (isNull(node)) return undefined;
  if (isString(node)) return [node.value];
  if (node.kind !== "list") return wrong(node, "text or a list of texts", step);
  const texts = node.items.map((each, index) => wordIn(each, { ...step, path: [...step.path, index] }));
  return texts.length === 0 ? undefined : texts;
});

/** A list of texts and numbers. */
export const anyTexts = value((node, step) => {
  if (node.kind !== "list") return wrong(node, "a list", step);
  return node.items.length === 0 ? undefined : node.items.map(scalarText);
});

function decodePairs(
  node: Node,
  step: DecodeStep,
  read: (value: Node) => string | null,
): Record<string, string | null> | undefined {
  const pairs: Record<string, string | null> = Object.create(null);
  let count = 0;
  const set = (key: string, found: string | null) => {
    pairs[key] = found;
    count += 1;
  };
  if (node.kind === "map") {
    for (const [key, entry] of node.entries) if (entry.value.kind !== "broken") set(key, read(entry.value));
  } else if (node.kind === "list") {
    for (const each of node.items) {
      const written = scalarText(each);
      const equals = written.indexOf("=");
      if (equals < 0) set(written, read === nullable ? null : "");
      else set(written.slice(0, equals), written.slice(equals + 1));
    }
  } else if (isNull(node)) return undefined;
  else return wrong(node, "a list or a mapping", step);
  return count === 0 ? undefined : pairs;
}

const nullable = (node: Node) => (isNull(node) ? null : scalarText(node));

/** `key: value`s or a list of `key=value`; a missing value is "". */
export const pairs = value((node, step) =>
  decodePairs(node, step, (each) => (isNull(each) ? "" : scalarText(each))),
);

/** As `pairs`, but a missing value is null. */
export const nullablePairs = value((node, step) => {
  if (node.kind === "list") {
    for (const [index, each] of node.items.entries()) {
      const key = scalarText(each).split("=")[0] ?? "";
      if (key !== "" && /\s$/.test(key)) {
        complain(each, `names "${key}", which ends with a blank`, { ...step, path: [...step.path, index] });
      }
    }
  }
  return decodePairs(node, step, nullable);
});

/** Lists of texts under keys. */
export const lists = value((node, step) => {
  if (node.kind !== "map") return isNull(node) ? undefined : wrong(node, "a mapping", step);
  const out: Record<string, readonly string[]> = Object.create(null);
  for (const [key, { value: each }] of node.entries) {
    out[key] = each.kind === "list" ? each.items.map(scalarText) : [scalarText(each)];
  }
  return node.entries.size === 0 ? undefined : out;
});

export const extraHosts = value((node, step) => {
  const hosts: [string, string, Node][] = [];
  if (node.kind === "map") {
    for (const [host, { value: each }] of node.entries) {
      if (each.kind === "list")
        hosts.push(...each.items.map((ip): [string, string, Node] => [host, scalarText(ip), ip]));
      else hosts.push([host, isNull(each) ? "" : scalarText(each), each]);
    }
  } else if (node.kind === "list") {
    for (const [index, each] of node.items.entries()) {
      hosts.push(...hostsOf(each, { ...step, path: [...step.path, index] }));
    }
  } else return isNull(node) ? undefined : wrong(node, "a list or a mapping", step);
  for (const [host, , each] of hosts) {
    if (host === "" || /[:=]/.test(host)) complain(each, `has the wrong host name "${host}"`, step);
  }
  const texts = hosts.map(
    ([host, ip]) => `${host}=${/^\[.+\]$/.test(ip) && ip.length > 2 ? ip.slice(1, -1) : ip}`,
  );
  return texts.length === 0 ? undefined : texts.sort(compareText);
});

function hostsOf(node: Node, step: DecodeStep): [string, string, Node][] {
  const written = scalarText(node);
  const separator = written.includes("=") ? "=" : ":";
  const at = written.indexOf(separator);
  if (at < 0) {
    complain(node, `"${written}" lacks an address: write host=address`, step);
    return [];
  }
  const host = written.slice(0, at);
  return written
    .slice(at + 1)
    .split(",")
    .map((ip) => [host, ip, node]);
}

export const deviceCount = value((node, step) => {
  if (node.kind === "scalar" && node.type === "int") return Number(node.value) || undefined;
  const written = isString(node) ? node.value : "";
  if (written.toLowerCase() === "all") return -1;
  const count = toInteger.convert(written);
  return count === undefined ? wrong(node, '"all" or a whole number', step) : Number(count) || undefined;
});

export const ulimit = value((node, step) => {
  if (isNull(node)) return null;
  if (node.kind === "scalar" && node.type === "int")
    return Number(node.value) === 0 ? {} : Number(node.value);
  if (node.kind !== "map") return wrong(node, "a whole number or a mapping", step);
  const out: Record<string, number> = {};
  for (const key of ["soft", "hard"]) {
    const each = node.get(key);
    if (each === undefined || each.kind === "broken") continue;
    if (each.kind === "scalar" && each.type === "int") {
      if (Number(each.value) !== 0) out[key] = Number(each.value);
    } else wrong(each, "a whole number", { ...step, path: [...step.path, key] });
  }
  return out;
}, printUlimit);

/** JSON leaves a 0 out; YAML has it, since a mapping without soft or hard is refused when it is read again. */
function printUlimit(limit: unknown, format: PrintFormat): unknown {
  if (typeof limit !== "object" || limit === null) return limit;
  const { soft, hard } = limit as { soft?: number; hard?: number };
  if (format === "yaml") {
    return new Map([
      ["soft", soft ?? 0],
      ["hard", hard ?? 0],
    ]);
  }
  return new Map(
    [["soft", soft] as const, ["hard", hard] as const].filter(([, number]) => number !== undefined),
  );
}

export const sshKeys = value(
  (node, step) => {
    if (node.kind !== "map") return isNull(node) ? undefined : wrong(node, "a list or a mapping", step);
    const keys = [...node.entries].map(([id, { value: path }]) => ({
      id,
      ...(!isNull(path) && { path: scalarText(path) }),
    }));
    return keys.length === 0 ? undefined : keys.sort((a, b) => compareText(a.id, b.id));
  },
  (keys) => (keys as { id: string; path?: string }[]).map(({ id, path }) => (path ? `${id}=${path}` : id)),
);

/** Kept where env files are not read. Printed as a path where nothing else is said. */
export const envFiles = value(
  (node, step) => {
    if (node.kind !== "list") return isNull(node) ? undefined : wrong(node, "a list", step);
    const files = node.items.flatMap((each, index) => {
      const path = each.kind === "map" ? each.get("path") : undefined;
      if (each.kind !== "map" || !isString(path)) return [];
      const below = (key: string) => ({ ...step, path: [...step.path, index, key] });
      const required = each.get("required");
      const format = each.get("format");
      return [
        {
          path: path.value,
          required: required === undefined ? true : (decodeBoolean(required, below("required")) ?? false),
          ...(format !== undefined && { format: decodeText(format, below("format")) }),
        },
      ];
    });
    return files.length === 0 ? undefined : files;
  },
  (files) =>
    (files as readonly EnvFile[]).map((file) =>
      file.required && file.format === undefined ? file.path : new Map(Object.entries(file)),
    ),
);
