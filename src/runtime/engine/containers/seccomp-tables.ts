import type { SeccompContext } from "../oci/seccomp.ts";
import type { ContainerRoot } from "./rooted-path.ts";

/** Loaders and folders that only 32-bit or x32 programs bring along. */
const FOREIGN_SIGNS = ["/lib/ld-linux.so.2", "/lib/ld-musl-i386.so.1", "/lib/i386-linux-gnu", "/libx32"];

/**
 * Which system call tables a container's filter must know: the native one alone unless its root shows programs
 * of another kind (compiling the filter for three tables costs nine times as much, at every start).
 */
export function seccompTables(
  root: ContainerRoot,
  { architecture, program }: { readonly architecture: string; readonly program: string },
): SeccompContext["tables"] {
  if (architecture !== "amd64") return "all";
  return FOREIGN_SIGNS.some((path) => exists(root, path)) || isElf32(root, program) ? "all" : "native";
}

function exists(root: ContainerRoot, path: string): boolean {
  try {
    return root.locate(path).stat !== undefined;
  } catch {
    return false;
  }
}

function isElf32(root: ContainerRoot, program: string): boolean {
  if (!program.startsWith("/")) return false;
  try {
    return root.read(root.locate(program), 5)?.toString("latin1") === "\x7fELF\x01";
  } catch {
    return false;
  }
}
