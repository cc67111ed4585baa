import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../../lib/atomic-file.ts";

/** Bytes of all files below, a file of several names counted once. What vanishes meanwhile counts nothing. */
export async function directorySize(path: string, seen = new Set<string>()): Promise<number> {
  let bytes = 0;
  try {
    for await (const entry of await opendir(path)) {
      const entryPath = join(path, entry.name);
      if (entry.isDirectory()) bytes += await directorySize(entryPath, seen);
      else bytes += await fileSize(entryPath, seen);
    }
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  return bytes;
}

async function fileSize(path: string, seen: Set<string>): Promise<number> {
  try {
    const { dev, ino, nlink, size } = await lstat(path);
    const key = `${dev}:${ino}`;
    if (nlink > 1 && seen.has(key)) return 0;
    if (nlink > 1) seen.add(key);
    return size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
