import { RuntimeError } from "../../index.ts";
import type { ContainerRoot } from "./rooted-path.ts";

const MAX_BYTES = 1 << 20;

/**
 * The texts in which a container names its users and groups, empty where it has none. `invalid` when there is
 * something else in their place: the OCI runtime would wait for ever for a pipe.
 */
export function userFiles(root: ContainerRoot): { readonly passwd: string; readonly group: string } {
  return { passwd: textOf(root, "/etc/passwd"), group: textOf(root, "/etc/group") };
}

function textOf(root: ContainerRoot, path: string): string {
  let bytes: Buffer | undefined;
  try {
    bytes = root.read(root.locate(path), MAX_BYTES);
  } catch {
    return "";
  }
  if (bytes !== undefined) return bytes.toString("utf8");
  throw new RuntimeError("invalid", `Cannot look up users: ${path} in the container is no plain file`);
}
