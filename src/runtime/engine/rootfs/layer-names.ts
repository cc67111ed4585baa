import { RuntimeError } from "../../index.ts";

const MAX_COMPONENT = 255;
const MAX_PATH = 4095;

/**
 * The path of an entry below the layer's root: no leading or double slash, no `.`; "" is the root itself.
 * `invalid` when it would climb out or is too long for any file system of Linux.
 */
export function cleanPath(name: string): string {
  const kept: string[] = [];
  for (const component of name.split("/")) {
    if (component === "" || component === ".") continue;
    if (component === "..") {
      if (kept.pop() === undefined) throw refused(name, "it leads out of the layer");
      continue;
    }
    if (component.length > MAX_COMPONENT) throw refused(name, "file name too long");
    kept.push(component);
  }
  const path = kept.join("/");
  if (path.length > MAX_PATH) throw refused(name, "file name too long");
  return path;
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export type WhiteoutMeaning =
  | { readonly kind: "none" }
  /** Everything that lower layers have in the folder is hidden. */
  | { readonly kind: "opaque"; readonly folder: string }
  | { readonly kind: "whiteout"; readonly hidden: string }
  /** Reserved names of AUFS: without meaning here. */
  | { readonly kind: "ignored" };

/** What an OCI layer says by names that begin with `.wh.`. */
export function whiteoutMeaning(path: string): WhiteoutMeaning {
  if (!path.includes(".wh.")) return { kind: "none" };
  const components = path.split("/");
  const base = components.pop() ?? "";
  if (components.some((component) => component.startsWith(".wh..wh."))) return { kind: "ignored" };
  if (components.some((component) => component.startsWith(".wh.")))
    throw refused(path, "a whiteout cannot be a folder");
  if (base === ".wh..wh..opq") return { kind: "opaque", folder: components.join("/") };
  if (base.startsWith(".wh..wh.")) return { kind: "ignored" };
  if (!base.startsWith(".wh.")) return { kind: "none" };
  const hidden = base.slice(".wh.".length);
  if (hidden === "" || hidden === "." || hidden === "..") throw refused(path, "invalid whiteout entry");
  return { kind: "whiteout", hidden: [...components, hidden].join("/") };
}

export function refused(name: string, reason: string): RuntimeError {
  const shown = Buffer.from(name, "latin1").toString();
  return new RuntimeError("invalid", `Invalid layer entry ${JSON.stringify(shown.slice(0, 300))}: ${reason}`);
}
