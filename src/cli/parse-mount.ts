import { isAbsolute, resolve } from "node:path";
import { parseKeyValues } from "../lib/key-values.ts";
import type { MountSpec } from "../runtime/index.ts";
import { usageError } from "./cli-error.ts";

type BindMount = Extract<MountSpec, { type: "bind" }>;

const PROPAGATIONS: readonly string[] = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];

/** `-v [source:]target[:options]`, as docker takes it: a source with a slash is a path, else a volume's name. */
export function parseVolume(text: string, cwd: string): MountSpec {
  const [first = "", second, options = ""] = text.split(":");
  if (second === undefined) return { type: "volume", target: absolute(first, text) };
  const words = options === "" ? [] : options.split(",");
  const readOnly = words.includes("ro");
  const target = absolute(second, text);
  if (/^[.~]|\//.test(first)) {
    const propagation = words.find((word) => PROPAGATIONS.includes(word));
    return {
      type: "bind",
      source: resolve(cwd, first),
      target,
      ...(readOnly && { readOnly }),
      ...(propagation !== undefined && { propagation: propagation as NonNullable<BindMount["propagation"]> }),
    };
  }
  return {
    type: "volume",
    source: first,
    target,
    ...(readOnly && { readOnly }),
    ...(words.includes("nocopy") && { noCopy: true }),
  };
}

/** `--mount type=bind,source=/a,target=/b,readonly`. */
export function parseMount(text: string, cwd: string): MountSpec {
  const fields = new Map(parseKeyValues(text).map(([key, value = "true"]) => [key, value]));
  const pick = (...names: readonly string[]) =>
    names.map((name) => fields.get(name)).find((value) => value !== undefined);
  const type = pick("type") ?? "volume";
  const target = absolute(pick("target", "destination", "dst") ?? "", text);
  const source = pick("source", "src");
  const readOnly = ["true", "1"].includes(pick("readonly", "ro") ?? "");
  switch (type) {
    case "bind":
      if (source === undefined) throw usageError(`Invalid mount "${text}": a bind has a source`);
      return {
        type,
        source: resolve(cwd, source),
        target,
        createHostPath: false,
        ...(readOnly && { readOnly }),
      };
    case "tmpfs": {
      const size = pick("tmpfs-size");
      const mode = pick("tmpfs-mode");
      return {
        type,
        target,
        ...(size !== undefined && { sizeBytes: parseBytes(size) }),
        ...(mode !== undefined && { mode: Number.parseInt(mode, 8) }),
      };
    }
    case "volume":
      return {
        type,
        target,
        ...(source !== undefined && { source }),
        ...(readOnly && { readOnly }),
        ...(pick("volume-nocopy") !== undefined && { noCopy: true }),
        ...(pick("volume-subpath") !== undefined && { subpath: pick("volume-subpath") ?? "" }),
      };
    case "image": {
      const subpath = pick("image-subpath");
      if (source === undefined) throw usageError(`Invalid mount "${text}": a mount of an image has a source`);
      return { type, source, target, ...(subpath !== undefined && { subpath }) };
    }
    default:
      throw usageError(`Invalid mount "${text}": its type is bind, volume, tmpfs or image`);
  }
}

const FACTORS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** `512m`, `1.5g`: powers of 1024. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt])?(?:i?b)?$/i.exec(text.trim());
  if (match?.[1] === undefined) throw usageError(`Invalid size "${text}"`);
  return Math.trunc(Number(match[1]) * (FACTORS[(match[2] ?? "b").toLowerCase()] ?? 1));
}

function absolute(path: string, whole: string): string {
  if (!isAbsolute(path))
    throw usageError(`Invalid mount "${whole}": the place in the container is an absolute path`);
  return path;
}
