import type { ContainerInfo, ContainerSpec } from "./containers.ts";
import { RuntimeError } from "./errors.ts";

type LogOptions = NonNullable<NonNullable<ContainerSpec["log"]>["options"]>;

/** What a log's tag may hold, as `{{.Name}}`. */
const TAG_FIELDS: Readonly<Record<string, (info: ContainerInfo) => string>> = {
  ID: ({ id }) => id.slice(0, 12),
  FullID: ({ id }) => id,
  Name: ({ name }) => name,
  ImageName: ({ image }) => image,
  ImageID: ({ imageId }) => imageId.replace(/^sha256:/, "").slice(0, 12),
  ImageFullID: ({ imageId }) => imageId,
  Command: ({ command }) => command.join(" "),
  DaemonName: () => "docker",
};

const FIELD = /\{\{\s*([\s\S]*?)\s*\}\}/g;

/** `invalid` for log options that select attributes and cannot be understood. */
export function checkLogAttributes(options: LogOptions): void {
  for (const key of ["labels-regex", "env-regex"]) patternOf(options, key);
  for (const [whole, name = ""] of (options["tag"] ?? "").matchAll(FIELD))
    if (TAG_FIELDS[name.replace(/^\./, "")] === undefined)
      throw new RuntimeError(
        "invalid",
        `invalid log opt 'tag': it holds ${whole}, and may hold ${Object.keys(TAG_FIELDS)
          .map((field) => `{{.${field}}}`)
          .join(", ")}`,
      );
}

/**
 * What `details` puts before each line of a container: what the log options `labels`, `env`, their patterns and `tag`
 * say of it, encoded as in a URL, and a blank.
 */
export function logDetails(info: ContainerInfo): string {
  const pairs = Object.entries(attributesOf(info)).map((pair) => pair.map(queryEscaped).join("="));
  return `${pairs.join(",")} `;
}

function queryEscaped(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1).replaceAll("*", "%2A").replaceAll("%7E", "~");
}

function attributesOf(info: ContainerInfo): Readonly<Record<string, string>> {
  const { options = {} } = info.spec.log ?? {};
  const env = Object.fromEntries(info.effective.env.map((pair) => splitOnce(pair)));
  const found = {
    ...selected(info.labels, options, "labels"),
    ...selected(env, options, "env"),
    ...(options["tag"] && {
      tag: options["tag"].replaceAll(
        FIELD,
        (_whole, name: string) => TAG_FIELDS[name.replace(/^\./, "")]?.(info) ?? "",
      ),
    }),
  };
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function selected(
  values: Readonly<Record<string, string>>,
  options: LogOptions,
  kind: "labels" | "env",
): Readonly<Record<string, string>> {
  const names = new Set((options[kind] ?? "").split(","));
  const pattern = patternOf(options, `${kind}-regex`);
  return Object.fromEntries(
    Object.entries(values).filter(([name]) => names.has(name) || pattern?.test(name) === true),
  );
}

function patternOf(options: LogOptions, key: string): RegExp | undefined {
  const text = options[key];
  if (text === undefined || text === "") return undefined;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new RuntimeError("invalid", `invalid log opt '${key}': "${text}" is no regular expression`, {
      cause,
    });
  }
}

function splitOnce(pair: string): readonly [string, string] {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
}
