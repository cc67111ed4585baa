import { lstat, readdir } from "node:fs/promises";
import { isMissing } from "../../../lib/atomic-file.ts";
import { type OpenFolder, openFolder } from "./open-folder.ts";

/** Sum of the sizes of the regular files in a tree, each file once however many names it has. */
export async function fileBytes(dir: string): Promise<number> {
  const root = await openFolder(dir);
  if (root === undefined) return 0;
  return sumOf(root, new Set());
}

async function sumOf(folder: OpenFolder, seen: Set<bigint>): Promise<number> {
  let sum = 0;
  try {
    for (const entry of await readdir(folder.path, { withFileTypes: true })) {
      if (entry.isDirectory()) {
        const inner = await folder.folder(entry.name);
        if (inner !== undefined) sum += await sumOf(inner, seen);
      } else if (entry.isFile()) {
        sum += await bytesOf(`${folder.path}/${entry.name}`, seen);
      }
    }
  } finally {
    await folder.close();
  }
  return sum;
}

async function bytesOf(path: string, seen: Set<bigint>): Promise<number> {
  try {
    const stat = await lstat(path, { bigint: true });
    if (stat.nlink > 1n) {
      if (seen.has(stat.ino)) return 0;
      seen.add(stat.ino);
    }
    return Number(stat.size);
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}
