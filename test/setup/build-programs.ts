import { buildPrograms } from "../../scripts/programs.mjs";

/** Worker threads and separate processes cannot be loaded from .ts files: vitest bundles them first. */
export async function setup(): Promise<void> {
  await buildPrograms();
}
