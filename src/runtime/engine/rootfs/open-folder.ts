import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { isMissing } from "../../../lib/atomic-file.ts";

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** How deep walks go that hold each folder on their way open: descriptors are the whole daemon's. */
export const MAX_DEPTH = 256;

/**
 * A folder held open, so that whoever changes the tree meanwhile cannot lead us elsewhere by a link. Names below
 * it are reached through `path`.
 */
export interface OpenFolder {
  readonly path: string;
  /** Undefined when it is missing or no folder. */
  folder(name: string | Buffer): Promise<OpenFolder | undefined>;
  close(): Promise<void>;
}

export async function openFolder(path: string | Buffer): Promise<OpenFolder | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, FLAGS);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
    throw error;
  }
  const held = `/proc/self/fd/${handle.fd}`;
  return {
    path: held,
    folder: (name) => openFolder(Buffer.concat([Buffer.from(`${held}/`), Buffer.from(name)])),
    close: () => handle.close(),
  };
}

/** The folder of that path below another one; undefined when any part of it is missing, a link, or no folder. */
export async function openFolderBelow(dir: string, path: Buffer): Promise<OpenFolder | undefined> {
  let folder = await openFolder(dir);
  for (const name of partsOf(path)) {
    const above = folder;
    folder = await above?.folder(name);
    await above?.close();
  }
  return folder;
}

/** What lies at that path below a folder, or the first on the way to it that is no folder; undefined when nothing does. */
export async function lookBelow(dir: string, path: Buffer): Promise<Stats | undefined> {
  const parts = partsOf(path);
  if (parts.length === 0) return lookAt(dir);
  let folder = await openFolder(dir);
  for (const [index, name] of parts.entries()) {
    if (folder === undefined) return undefined;
    const above: OpenFolder = folder;
    try {
      const found = await lookAt(Buffer.concat([Buffer.from(`${above.path}/`), name]));
      if (found?.isDirectory() !== true || index === parts.length - 1) return found;
      folder = await above.folder(name);
    } finally {
      await above.close();
    }
  }
  return undefined;
}

async function lookAt(path: string | Buffer): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

const SLASH = 0x2f;

function partsOf(path: Buffer): readonly Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = path.indexOf(SLASH); at >= 0; at = path.indexOf(SLASH, from)) {
    parts.push(path.subarray(from, at));
    from = at + 1;
  }
  return [...parts, path.subarray(from)].filter(({ length }) => length > 0);
}
