import { compareText } from "./merge-rules.ts";
import type { Field, PrintFormat as Format, Shape } from "./shape.ts";
import type { Service, Stack } from "./stack.ts";
import { SECTIONS, serviceShape } from "./stack-shape.ts";
import { compareYamlKeys } from "./yaml-key-order.ts";

/** Plain data in which mappings are `Map`s, so that their order is the order of print. */
type Printable = unknown;

/** The stack in Compose's normal form, as `docker compose config --format json` prints it; `$` is doubled. */
export function printStackJson(stack: Stack): string {
  const form = normalForm(stack, "json");
  return escapeDollars(jsonText(new Map([...form].sort(([a], [b]) => compareText(a, b))), "  "));
}

/** The stack in Compose's normal form as YAML; `$` is doubled. */
export async function printStackYaml(stack: Stack): Promise<string> {
  return escapeDollars(await yamlText(normalForm(stack, "yaml")));
}

/** `$` doubled, so that the text can be read as a Compose file again. */
export function escapeDollars(text: string): string {
  return text.replaceAll("$", "$$$$");
}

/** Its own file, since most commands print no YAML. */
async function yamlText(value: Printable): Promise<string> {
  return (await import("./yaml-text.ts")).yamlText(value);
}

/** A plain model (`loadPlainModel`) as JSON or YAML, its keys in order. */
export async function printModel(model: unknown, format: Format): Promise<string> {
  const form = plain(model, format);
  return format === "json" ? jsonText(form, "  ") : await yamlText(form);
}

function normalForm(stack: Stack, format: Format): Map<string, Printable> {
  const form = new Map<string, Printable>([["name", stack.name]]);
  for (const [section, shape] of Object.entries(SECTIONS)) {
    const resources = stack[section as keyof typeof SECTIONS] as Readonly<Record<string, unknown>>;
    if (section !== "services" && Object.keys(resources).length === 0) continue;
    // Compose's JSON has no models in any version, its YAML has (compose-go 2.9.1 to 2.13, Project.MarshalJSON).
    if (section === "models" && format === "json") continue;
    form.set(
      section,
      printMap(resources, format, (resource) => printOne(section, resource, shape, format)),
    );
  }
  for (const [key, value] of sortedEntries(stack, format))
    if (key.startsWith("x-")) form.set(key, plain(value, format));
  return form;
}

/** What a variable holds is never printed: a secret's value, and a config's that names its variable. */
function printOne(section: string, resource: unknown, shape: Shape, format: Format): Printable {
  const printed = print(resource, shape, format);
  if (!(printed instanceof Map)) return printed;
  if (section === "secrets" || (section === "configs" && printed.has("environment")))
    printed.delete("content");
  return printed;
}

function print(value: unknown, shape: Shape, format: Format): Printable {
  if (value === null || value === undefined) return null;
  if (shape.kind === "value")
    return shape.print === undefined ? plain(value, format) : shape.print(value, format);
  if (shape.kind === "list") return (value as unknown[]).map((item) => print(item, shape.item, format));
  if (shape.kind === "map") {
    const map = value as Readonly<Record<string, unknown>>;
    return printMap(map, format, (inner) => print(inner, shape.value, format));
  }
  return printStruct(value as Readonly<Record<string, unknown>>, shape.fields, format);
}

function printStruct(
  struct: Readonly<Record<string, unknown>>,
  fields: readonly Field[],
  format: Format,
): Map<string, Printable> {
  const out = new Map<string, Printable>();
  for (const field of fields) {
    if (field.isHidden) continue;
    const name = format === "json" ? (field.printName ?? field.name) : field.name;
    const value = struct[field.name];
    if (value !== undefined) out.set(name, print(value, field.shape, format));
    else if (format === "json" && field.absent !== undefined) out.set(name, absentValue(field.absent));
  }
  if (format === "json") return out;
  for (const [key, value] of sortedEntries(struct, format))
    if (key.startsWith("x-")) out.set(key, plain(value, format));
  return out;
}

function absentValue(absent: NonNullable<Field["absent"]>): Printable {
  if (absent === "null") return null;
  return absent === "empty" ? new Map() : new Map([["command", null]]);
}

function printMap(
  map: Readonly<Record<string, unknown>>,
  format: Format,
  change: (value: unknown) => Printable,
): Map<string, Printable> {
  return new Map(sortedEntries(map, format).map(([key, value]) => [key, change(value)]));
}

function plain(value: unknown, format: Format): Printable {
  const inner = (one: unknown) => plain(one, format);
  if (Array.isArray(value)) return value.map(inner);
  if (typeof value !== "object" || value === null || value instanceof Map) return value;
  return printMap(value as Readonly<Record<string, unknown>>, format, inner);
}

function sortedEntries(map: object, format: Format): [string, unknown][] {
  const compare = format === "json" ? compareText : compareYamlKeys;
  return Object.entries(map).sort(([a], [b]) => compare(a, b));
}

/** JSON as Go's encoder writes it: `<`, `>`, `&` and the line separators escaped. */
export function jsonText(value: Printable, indent: string, current = ""): string {
  const open = indent === "" ? "" : `\n${current}${indent}`;
  const close = indent === "" ? "" : `\n${current}`;
  const inner = current + indent;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${open}${value.map((item) => jsonText(item, indent, inner)).join(`,${open}`)}${close}]`;
  }
  if (value instanceof Map) {
    if (value.size === 0) return "{}";
    const colon = indent === "" ? ":" : ": ";
    const parts = [...value].map(
      ([key, item]) => `${jsonString(key)}${colon}${jsonText(item, indent, inner)}`,
    );
    return `{${open}${parts.join(`,${open}`)}${close}}`;
  }
  return typeof value === "string" ? jsonString(value) : JSON.stringify(value ?? null);
}

function jsonString(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

const NOT_HASHED = new Set(["build", "pull_policy", "scale", "depends_on", "profiles"]);

/** What Compose's config hash is taken over (compose 2.40.3, ServiceHash): its compact JSON without what never recreates. */
export function serviceHashText(service: Service): string {
  const printed = print(service, serviceShape, "json") as Map<string, Printable>;
  for (const key of NOT_HASHED) printed.delete(key);
  const deploy = printed.get("deploy");
  if (deploy instanceof Map) deploy.delete("replicas");
  return jsonText(printed, "");
}

/** The same for a network. */
export function networkHashText(network: Stack["networks"][string]): string {
  return jsonText(print(network, SECTIONS.networks, "json"), "");
}

/** The same for a volume, whose driver is then written out. */
export function volumeHashText(volume: Stack["volumes"][string]): string {
  return jsonText(print({ ...volume, driver: volume.driver ?? "local" }, SECTIONS.volumes, "json"), "");
}
