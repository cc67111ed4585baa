import type { Dirent } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { MAX_DEPTH, type OpenFolder, openFolder } from "./open-folder.ts";

/**
 * Sum of the sizes of all in a tree but its folders, each file once however many names it has. What has gone, cannot
 * be read or lies too deep counts nothing: somebody else fills the tree meanwhile, and may mean harm.
 */
export async function fileBytes(dir: string): Promise<number> {
  const root = await openFolder(dir).catch(() => undefined);
  return root === undefined ? 0 : sumOf(root, 1, new Set());
}

async function sumOf(folder: OpenFolder, depth: number, seen: Set<string>): Promise<number> {
  let sum = 0;
  for (const entry of await readdir(folder.path, { withFileTypes: true }).catch((): Dirent[] => [])) {
    if (!entry.isDirectory()) sum += await bytesOf(`${folder.path}/${entry.name}`, seen);
    else if (depth < MAX_DEPTH) {
      const inner = await folder.folder(entry.name).catch(() => undefined);
      if (inner !== undefined) sum += await sumOf(inner, depth + 1, seen);
    }
  }
  await folder.close();
  return sum;
}

async function bytesOf(path: string, seen: Set<string>): Promise<number> {
  const stat = await lstat(path, { bigint: true }).catch(() => undefined);
  if (stat === undefined) return 0;
  const key = `${stat.dev}:${stat.ino}`;
  if (stat.nlink > 1n && seen.has(key)) return 0;
  if (stat.nlink > 1n) seen.add(key);
  return Number(stat.size);
}
