import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * A folder held open, so that whoever changes the tree meanwhile cannot lead us elsewhere by a link. Names below
 * it are reached through `path`.
 */
export interface OpenFolder {
  readonly path: string;
  /** Undefined when it is missing or no folder. */
  folder(name: string): Promise<OpenFolder | undefined>;
  close(): Promise<void>;
}

export async function openFolder(path: string): Promise<OpenFolder | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, FLAGS);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP") return undefined;
    throw error;
  }
  const held = `/proc/self/fd/${handle.fd}`;
  return { path: held, folder: (name) => openFolder(`${held}/${name}`), close: () => handle.close() };
}
