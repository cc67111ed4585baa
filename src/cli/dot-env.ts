import { dirname, join, resolve } from "node:path";
import type { Globals } from "./globals.ts";
import type { CliIo } from "./io.ts";
import { textOfFile } from "./read-file.ts";

/** Variables about the command itself; those about the files are the loader's to find. */
const OURS =
  /^\s*(?:export\s+)?(COMPOSE_(?:REMOVE_ORPHANS|IGNORE_ORPHANS|ANSI|PROGRESS|COMPATIBILITY|PARALLEL_LIMIT))\s*=\s*["']?([^"'\s#]*)/gm;

/** The environment with what a project's `.env` says about the command, as Compose takes it; ours wins. */
export function withDotEnv(io: CliIo, globals: Globals): CliIo {
  const [first] = globals.file;
  const dir = globals.projectDirectory ?? (first === undefined || first === "-" ? "." : dirname(first));
  try {
    const text = textOfFile(join(resolve(io.cwd, dir), ".env")) ?? "";
    const found = [...text.matchAll(OURS)].map(([, name = "", value = ""]) => [name, value]);
    if (found.length === 0) return io;
    const env = { ...Object.fromEntries(found), ...io.env };
    // Not spread: stdin is opened when it is first asked for.
    return Object.create(io, { env: { value: env } }) as CliIo;
  } catch {
    return io;
  }
}
