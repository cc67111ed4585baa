import { cleanPath } from "./paths.ts";

export interface ShortMount {
  readonly type: "bind" | "volume";
  readonly source: string | undefined;
  readonly target: string;
  readonly readOnly: boolean;
  readonly noCopy: boolean;
  readonly propagation: string | undefined;
  readonly selinux: string | undefined;
  /** Options that mean nothing. */
  readonly unknown: readonly string[];
}

/** Hints for Docker Desktop, without effect elsewhere. */
const MAC_ONLY = new Set(["cached", "delegated", "consistent"]);
const PROPAGATIONS = new Set(["rprivate", "private", "rshared", "shared", "rslave", "slave"]);

/**
 * `[source:]target[:options]` of a service's volumes. A source that begins with `.`, `/`, `~`, `\\` or a drive letter
 * is a path on the host, any other names a volume. Colons within `${...}` do not separate.
 */
export function parseMount(
  spec: string,
  isVolume: (name: string) => boolean = () => false,
): ShortMount | { readonly wrong: string } {
  if (spec === "") return { wrong: "is empty" };
  const parts = splitMount(spec, isVolume);
  if (parts.includes("") && spec.length > 2) return { wrong: `"${spec}" has nothing between two colons` };
  if (parts.length > 3) return { wrong: `"${spec}" has too many colons` };
  const [first = spec, second, options = ""] = parts;
  const isAnonymous = spec.length <= 2 || second === undefined;
  const source = isAnonymous ? undefined : first;
  return {
    type: source !== undefined && isHostPath(source) ? "bind" : "volume",
    source,
    target: isAnonymous ? (spec.length <= 2 ? spec : first) : (second ?? ""),
    ...readOptions(options),
  };
}

/**
 * A letter before a colon is a drive (`C:/x:/y`), as Compose has it everywhere; but where the stack has a volume of that
 * name it is the volume, unless a target follows what would be its target.
 */
function splitMount(spec: string, isVolume: (name: string) => boolean): readonly string[] {
  const parts = splitAtColons(spec);
  const joined: string[] = [];
  for (let at = 0; at < parts.length; at += 1) {
    const part = parts[at] ?? "";
    const next = parts[at + 1];
    const isName = at === 0 && isVolume(part) && !SLASH.test(parts[2] ?? "");
    if (next !== undefined && LETTER.test(part) && !isName) {
      joined.push(`${part}:${next}`);
      at += 1;
    } else joined.push(part);
  }
  return joined;
}

const LETTER = /^\p{L}$/u;
const SLASH = /^[\\/]/;

function splitAtColons(spec: string): readonly string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (let at = 0; at < spec.length; at += 1) {
    const character = spec[at] ?? "";
    if (character === "$" && spec[at + 1] === "{") depth += 1;
    else if (character === "}" && depth > 0) depth -= 1;
    if (character !== ":" || depth > 0) part += character;
    else {
      parts.push(part);
      part = "";
    }
  }
  return [...parts, part];
}

function readOptions(
  text: string,
): Pick<ShortMount, "readOnly" | "noCopy" | "propagation" | "selinux" | "unknown"> {
  let readOnly = false;
  let noCopy = false;
  let propagation: string | undefined;
  let selinux: string | undefined;
  const unknown: string[] = [];
  for (const option of text.split(",")) {
    if (option === "ro" || option === "rw") readOnly = option === "ro";
    else if (option === "nocopy") noCopy = true;
    else if (PROPAGATIONS.has(option)) propagation = option;
    else if (option === "z" || option === "Z") selinux = option;
    else if (option !== "" && !MAC_ONLY.has(option)) unknown.push(option);
  }
  return { readOnly, noCopy, propagation, selinux, unknown };
}

function isHostPath(source: string): boolean {
  return /^[./~]/.test(source) || source.startsWith("\\\\") || /^\p{L}:/u.test(source);
}

export function cleanTarget(target: string): string {
  return target === "" ? "" : cleanPath(target);
}
