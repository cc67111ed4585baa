import type { ScalarType, ScalarValue } from "./source-tree.ts";

export interface Resolved {
  readonly value: ScalarValue;
  readonly type: ScalarType;
}

const WORDS: ReadonlyMap<string, Resolved> = new Map<string, Resolved>([
  ...["true", "True", "TRUE"].map((word) => [word, { value: true, type: "bool" }] as const),
  ...["false", "False", "FALSE"].map((word) => [word, { value: false, type: "bool" }] as const),
  ...["", "~", "null", "Null", "NULL"].map((word) => [word, { value: null, type: "null" }] as const),
  ...[".nan", ".NaN", ".NAN"].map((word) => [word, { value: Number.NaN, type: "float" }] as const),
  ...[".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"].map(
    (word) => [word, { value: Number.POSITIVE_INFINITY, type: "float" }] as const,
  ),
  ...["-.inf", "-.Inf", "-.INF"].map(
    (word) => [word, { value: Number.NEGATIVE_INFINITY, type: "float" }] as const,
  ),
]);

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const INTEGER = /^([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))$/;
const TIME =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:(?:[Tt](?=.*(?:Z|[-+]\d{2}:\d{2})$)| (?!.*(?:Z|[-+]\d{2}:\d{2})$))(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d+))?(Z|[-+]\d{2}:\d{2})?)?$/;
const UINT64_LIMIT = 1n << 64n;
const INT64_LOW = -(1n << 63n);

/**
 * The type that a plain (unquoted, untagged) scalar has for Compose: YAML 1.2's core schema with what go-yaml v3
 * keeps of YAML 1.1 (`017`, `0b1`, `1_000`, dates), but `yes` and `on` are strings.
 */
export function resolvePlain(text: string): Resolved {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  const first = text.charCodeAt(0);
  const numeric = (first >= 0x30 && first <= 0x39) || first === 0x2b || first === 0x2d || first === 0x2e;
  if (!numeric) return { value: text, type: "string" };
  if (first === 0x2e) {
    return FLOAT.test(text) ? { value: Number(text), type: "float" } : { value: text, type: "string" };
  }
  return resolveTime(text) ?? resolveNumber(text) ?? { value: text, type: "string" };
}

function resolveNumber(text: string): Resolved | undefined {
  const plain = text.replaceAll("_", "");
  const match = INTEGER.exec(plain);
  if (match !== null) {
    const [, sign, hex, binary, octal, oldOctal, decimal] = match;
    const digits = hex
      ? `0x${hex}`
      : binary
        ? `0b${binary}`
        : (octal ?? oldOctal)
          ? `0o${octal ?? oldOctal}`
          : decimal;
    const value = BigInt(digits ?? "0") * (sign === "-" ? -1n : 1n);
    if (value >= INT64_LOW && value < UINT64_LIMIT) {
      const small = Number(value);
      return { value: Number.isSafeInteger(small) ? small : value, type: "int" };
    }
  }
  return FLOAT.test(plain) ? { value: Number(plain), type: "float" } : undefined;
}

/** Dates are no strings for Compose, which then refuses them; the value is as Go prints it in JSON. */
function resolveTime(text: string): Resolved | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const [, year = "", month = "", day = "", hour = "0", minute = "0", second = "0", fraction, zone = "Z"] =
    match;
  const two = (part: string) => part.padStart(2, "0");
  const valid =
    Number(month) >= 1 &&
    Number(month) <= 12 &&
    Number(day) >= 1 &&
    Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate() &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) < 60;
  if (!valid) return undefined;
  const digits = fraction?.slice(0, 9).replace(/0+$/, "");
  const offset = zone === "+00:00" || zone === "-00:00" ? "Z" : zone;
  const clock = `${two(hour)}:${two(minute)}:${two(second)}${digits ? `.${digits}` : ""}`;
  return { value: `${year}-${two(month)}-${two(day)}T${clock}${offset}`, type: "time" };
}

/** A scalar with one of YAML's own tags (`int`, `str` ...); undefined when the text is not of that type. */
export function resolveTagged(tag: string, text: string): Resolved | undefined {
  if (tag === "str") return { value: text, type: "string" };
  if (tag === "binary") {
    const clean = text.replace(/\s/g, "");
    const isBase64 = /^[A-Za-z0-9+/]*={0,2}$/.test(clean) && clean.length % 4 === 0;
    return isBase64 ? { value: Buffer.from(clean, "base64").toString("latin1"), type: "string" } : undefined;
  }
  const resolved = resolvePlain(text);
  const found = resolved.type === "time" ? "timestamp" : resolved.type;
  if (found === tag) return resolved;
  if (tag === "float" && found === "int") return { value: Number(resolved.value), type: "float" };
  return undefined;
}

/** A value as Go's `%v` prints it: how Compose turns numbers and booleans into text. */
export function goText(value: ScalarValue, type: ScalarType): string {
  if (value === null) return "<nil>";
  if (typeof value !== "number" || type !== "float") return String(value);
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [mantissa = "", exponent = "0"] = value.toExponential().split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return plainNumber(mantissa, power);
  const sign = power < 0 ? "-" : "+";
  return `${mantissa}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}

/** mantissa x 10^power without an exponent. */
function plainNumber(mantissa: string, power: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${digits}`;
  if (digits.length <= power + 1) return sign + digits.padEnd(power + 1, "0");
  return `${sign}${digits.slice(0, power + 1)}.${digits.slice(power + 1)}`;
}
