import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The bundle of a program that runs apart from its caller: a worker thread or a process of its own.
 * Beside the caller's bundle when bundled; run from sources, what `scripts/programs.mjs` last made of them.
 */
export function programPath(name: string): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const candidates = import.meta.url.endsWith(".ts")
    ? [join(here, "../../node_modules/.cache/stowage/programs", `${name}.js`)]
    : [join(here, `${name}.js`), join(here, "..", `${name}.js`)];
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${candidates.join(" or ")} is missing: run npm run build`);
  return found;
}
