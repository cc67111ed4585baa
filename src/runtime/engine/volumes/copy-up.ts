import { closeSync, constants, fstatSync, openSync, readdirSync, renameSync, rmdirSync } from "node:fs";
import { chmod, chown, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { hasKind, RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import { spawnProgram } from "../host/index.ts";
import { TOOL_PATH } from "../rootfs/index.ts";
import { deleteTree } from "./volume-store.ts";

/** A folder in a container's root, pinned: where its links lead was settled inside the root. */
export interface PinnedFolder {
  readonly fd: number;
  close(): void;
}

/** Undefined when the image has no folder at this path. */
export function pinFolder(rootfsDir: string, path: string): PinnedFolder | undefined {
  const root = new ContainerRoot(rootfsDir);
  try {
    const place = root.locate(path);
    if (!place.stat?.isDirectory()) {
      root.close();
      return undefined;
    }
    return { fd: root.openFolder(place), close: () => root.close() };
  } catch (error) {
    root.close();
    if (hasKind(error, "not-found")) return undefined;
    throw error;
  }
}

export function isEmptyFolder(path: string): boolean {
  return readdirSync(path).length === 0;
}

/**
 * Fills an empty volume that nobody uses from a pinned folder: owners, modes, links, extended attributes as they are.
 * The copy is made out of everybody's sight and then takes the place of the empty folder in one step.
 */
export async function copyUpByReplacement(
  source: PinnedFolder,
  dataDir: string,
  stagingDir: string,
): Promise<void> {
  await mkdir(stagingDir, { mode: 0o700 });
  try {
    await copyInto(source, stagingDir);
    await rename(stagingDir, dataDir);
  } catch (error) {
    await deleteTree(stagingDir);
    if (isNotEmpty(error)) return; // somebody has written meanwhile: theirs is the volume
    throw error;
  }
}

/**
 * The same where the volume is a mount: the copy is made in a folder of its own inside, that others cannot enter, and
 * its entries are moved up.
 */
export async function copyUpByMoving(source: PinnedFolder, mountedDir: string): Promise<void> {
  const staging = join(mountedDir, ".stowage-copy");
  await mkdir(staging, { mode: 0o700 });
  const from = openSync(staging, FOLDER);
  const to = openSync(mountedDir, FOLDER);
  try {
    await copyInto(source, `/proc/${process.pid}/fd/${from}`);
    for (const name of readdirSync(`/proc/self/fd/${from}`))
      renameSync(`/proc/self/fd/${from}/${name}`, `/proc/self/fd/${to}/${name}`);
    rmdirSync(staging);
    await copyOwner(source, `/proc/self/fd/${to}/.`);
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

async function copyOwner(source: PinnedFolder, target: string): Promise<void> {
  const { uid, gid, mode } = fstatSync(source.fd);
  await chown(target, uid, gid);
  await chmod(target, mode & 0o7777);
}

/** cp(1) keeps what Node's own copy does not: extended attributes, hard links, holes, device nodes. */
async function copyInto(source: PinnedFolder, target: string): Promise<void> {
  const isEmpty = isEmptyFolder(`/proc/self/fd/${source.fd}/.`);
  if (isEmpty) {
    await copyOwner(source, target);
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const child = spawnProgram("cp", ["--archive", "--reflink=auto", "--", "/proc/self/fd/3/.", target], {
      stdio: ["ignore", "ignore", "pipe", source.fd],
      env: { PATH: TOOL_PATH, LC_ALL: "C" },
    });
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (complaint.length < 4096) complaint += text;
    });
    const fail = (reason: string): void => {
      const kind = /no space left|quota exceeded/i.test(reason) ? "exhausted" : "internal";
      reject(new RuntimeError(kind, `Cannot copy the image's content into the volume: ${reason}`));
    };
    child.on("error", (error) => fail(error.message));
    child.on("close", (exitCode) =>
      exitCode === 0 ? resolve() : fail(complaint.trim() || `cp ended with ${exitCode}`),
    );
  });
}

function isNotEmpty(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "EEXIST");
}
