import { readFileSync, statSync } from "node:fs";
import { readAtMost } from "../lib/bounded-file.ts";
import { CliError } from "./cli-error.ts";

/** As large as a Compose file may be. */
const MAX_BYTES = 32 << 20;

/** A file or pipe that the command line names; what is too large, or a device without end, ends the command. */
export async function readNamedFile(path: string): Promise<Buffer> {
  const bytes = await readAtMost(path, MAX_BYTES).catch((cause: Error) => {
    if ("code" in cause) throw cause;
    throw new CliError(`Cannot read ${path}: ${cause.message}`, { cause });
  });
  if (bytes.length <= MAX_BYTES) return bytes;
  throw new CliError(`Cannot read ${path}: it is larger than ${MAX_BYTES >> 20} MiB`);
}

/**
 * A file's text at once, "" where it cannot be had; undefined for what is no file, or too large: a pipe can be read only
 * once, and might be waited for.
 */
export function textOfFile(path: string): string | undefined {
  try {
    const found = statSync(path);
    return found.isFile() && found.size <= MAX_BYTES ? readFileSync(path, "utf8") : undefined;
  } catch {
    return "";
  }
}
