import type { BigIntStats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { isMissing } from "../../../lib/atomic-file.ts";
import { MAX_DEPTH, type OpenFolder, openFolder } from "./open-folder.ts";

export interface RootfsChange {
  readonly path: string;
  readonly kind: "modified" | "added" | "deleted";
}

interface Views<T> {
  /** What the container wrote: tells where to look. */
  readonly upper: T;
  /** The image. Absent: nothing of the image is here. */
  readonly base: T | undefined;
  /** What the container sees. */
  readonly merged: T;
}

/** As `docker diff`: sorted by path, every changed thing with the folders that hold it; nothing that lies too deep. */
export async function changesOf(paths: {
  readonly upper: string;
  readonly base: string;
  readonly merged: string;
}): Promise<readonly RootfsChange[]> {
  const changes: RootfsChange[] = [];
  const upper = await openFolder(paths.upper);
  const merged = await openFolder(paths.merged);
  const base = await openFolder(paths.base);
  try {
    if (upper !== undefined && merged !== undefined) await walk({ upper, merged, base }, "", changes);
  } finally {
    await closeAll([upper, merged, base]);
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

async function walk(views: Views<OpenFolder>, path: string, changes: RootfsChange[]): Promise<void> {
  const inMerged = new Set(await readdir(views.merged.path));
  const inBase = new Set(views.base === undefined ? [] : await readdir(views.base.path));
  for (const name of inBase) {
    if (!inMerged.has(name)) changes.push({ path: `${path}/${name}`, kind: "deleted" });
  }
  for (const name of await readdir(views.upper.path)) {
    if (inMerged.has(name)) await compare(views, name, `${path}/${name}`, changes);
  }
}

async function compare(
  views: Views<OpenFolder>,
  name: string,
  path: string,
  changes: RootfsChange[],
): Promise<void> {
  const now = await statIn(views.merged, name);
  if (now === undefined) return;
  const before = views.base === undefined ? undefined : await statIn(views.base, name);
  const countBefore = changes.length;
  if (now.isDirectory()) await compareFolder(views, name, path, before?.isDirectory() === true, changes);
  if (before === undefined) changes.push({ path, kind: "added" });
  else if (changes.length > countBefore || !isSame(before, now)) changes.push({ path, kind: "modified" });
}

async function compareFolder(
  views: Views<OpenFolder>,
  name: string,
  path: string,
  wasFolder: boolean,
  changes: RootfsChange[],
): Promise<void> {
  if (path.split("/").length > MAX_DEPTH) return;
  const upper = await views.upper.folder(name);
  const merged = await views.merged.folder(name);
  const base = wasFolder ? await views.base?.folder(name) : undefined;
  try {
    if (upper !== undefined && merged !== undefined) await walk({ upper, merged, base }, path, changes);
  } finally {
    await closeAll([upper, merged, base]);
  }
}

function isSame(before: BigIntStats, now: BigIntStats): boolean {
  const isEqual = before.mode === now.mode && before.uid === now.uid && before.gid === now.gid;
  if (!isEqual || now.isDirectory()) return isEqual;
  return before.size === now.size && before.mtimeNs === now.mtimeNs && before.rdev === now.rdev;
}

async function statIn(folder: OpenFolder, name: string): Promise<BigIntStats | undefined> {
  try {
    return await lstat(`${folder.path}/${name}`, { bigint: true });
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function closeAll(folders: readonly (OpenFolder | undefined)[]): Promise<void> {
  for (const folder of folders) await folder?.close();
}
