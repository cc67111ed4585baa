import { constants, createReadStream, lstatSync } from "node:fs";
import {
  type FileHandle,
  lchown,
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
} from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import tar from "tar-stream";
import { leadsOut } from "../lib/leads-out.ts";
import { type ContainerRuntime, hasKind } from "../runtime/index.ts";
import { CliError } from "./cli-error.ts";

export interface CopyOptions {
  /** Owners as they are. */
  readonly archive?: boolean;
  /** A link as the source is what it points to. */
  readonly followLink?: boolean;
}

/**
 * From a container to this machine, with `cp -a`'s rules: into an existing folder, else as the new name. Below
 * the target nothing is written through a link, whoever made it, so that no archive leaves the target.
 */
export async function copyOut(
  runtime: ContainerRuntime,
  from: { readonly containerId: string; readonly path: string },
  to: string,
  options: CopyOptions,
): Promise<void> {
  const source = options.followLink === true ? await followed(runtime, from) : from.path;
  const { stat: found, archive } = await runtime.containers.readArchive(from.containerId, source);
  const target = await stat(to).catch(() => undefined);
  const isInto = target?.isDirectory() === true;
  if (!isInto && to.endsWith("/")) throw new CliError(`Cannot copy to ${to}: there is no such folder`);
  const wholeFolder = from.path.endsWith("/.");
  const rename = isInto ? basename(found.name) : basename(to);
  const whole = { dir: resolve(to), rename: "" };
  const named = { dir: isInto ? resolve(to) : dirname(resolve(to)), rename };
  await unpack(archive, { first: found.name, ...(wholeFolder ? whole : named), ...options });
}

async function followed(
  runtime: ContainerRuntime,
  from: { readonly containerId: string; readonly path: string },
): Promise<string> {
  const found = await runtime.containers.statPath(from.containerId, from.path);
  return found.linkTarget === "" ? from.path : found.linkTarget;
}

/** All of an archive into a folder, which is made if need be; what is there in the place of an entry goes. */
export async function unpackInto(archive: Readable, dir: string): Promise<void> {
  await unpack(archive, { dir: resolve(dir), first: "", rename: "", replaces: true });
}

type Entry = tar.Extract extends AsyncIterable<infer T> ? T : never;

interface Unpacking extends CopyOptions {
  /** May be a link to a folder; what lies below it is the archive's. */
  readonly dir: string;
  /** The archive's first folder or file, and what it is called here. */
  readonly first: string;
  readonly rename: string;
  /** A folder gives way to what is none, and that to a folder; else this is an error, as with `docker cp`. */
  readonly replaces?: boolean;
}

async function unpack(archive: Readable, unpacking: Unpacking): Promise<void> {
  const { dir } = unpacking;
  await mkdir(dir, { recursive: true });
  const extract = tar.extract();
  const folders: { readonly path: string; readonly header: tar.Header }[] = [];
  const work = pipeline(archive, extract);
  // The loop below ends with its error.
  work.catch(() => undefined);
  for await (const entry of extract) {
    const { header } = entry;
    const path = inside(dir, renamed(header.name, unpacking));
    // The folder that all goes into stays as it is.
    if (path !== dir) {
      if (header.type === "directory") folders.push({ path, header });
      await makeEntry(entry, path, unpacking);
    }
    entry.resume();
  }
  await work;
  // Later entries would change the times.
  for (const { path, header } of folders.reverse()) {
    if (!steps(dir, path).every(isFolder)) continue;
    const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await setLook(folder, header);
    } finally {
      await folder.close();
    }
  }
}

async function makeEntry(entry: Entry, path: string, unpacking: Unpacking): Promise<void> {
  const { header } = entry;
  await makeFolder(dirname(path), unpacking);
  if (header.type === "directory") {
    await makeFolder(path, unpacking);
  } else if (header.type === "symlink") {
    await makeRoom(path, false, unpacking);
    await symlink(header.linkname ?? "", path);
  } else if (header.type === "link") {
    const target = inside(unpacking.dir, renamed(header.linkname ?? "", unpacking));
    await makeFolder(dirname(target), unpacking);
    await makeRoom(path, false, unpacking);
    await link(target, path);
  } else if (header.type === "file" || header.type === "contiguous-file") {
    await makeRoom(path, false, unpacking);
    const file = await open(path, "wx", header.mode);
    try {
      for await (const part of entry as AsyncIterable<Uint8Array>) await file.writeFile(part);
      await setLook(file, header);
    } finally {
      await file.close();
    }
  } else return;
  if (unpacking.archive === true) await lchown(path, header.uid, header.gid).catch(() => {});
}

async function setLook(file: FileHandle, { mode, mtime }: tar.Header): Promise<void> {
  await file.chmod(mode);
  await file.utimes(mtime, mtime);
}

/** Makes what is missing of a folder and of those above it, down from the archive's own. */
async function makeFolder(path: string, unpacking: Unpacking): Promise<void> {
  for (const step of steps(unpacking.dir, path)) {
    if (!(await makeRoom(step, true, unpacking))) await mkdir(step);
  }
}

/** Removes what has an entry's place, unless both are folders. Whether there is a folder that stays. */
async function makeRoom(path: string, forFolder: boolean, { dir, replaces }: Unpacking): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (forFolder && found.isDirectory()) return true;
  if (replaces !== true && forFolder !== found.isDirectory()) {
    const [is, becomes] = forFolder ? ["non-directory", "directory"] : ["directory", "non-directory"];
    throw new CliError(`Cannot overwrite ${is} "${path}" with ${becomes} "${dir}"`);
  }
  await rm(path, { recursive: true });
  return false;
}

/** Each path on the way from a folder to one in it, that one included. */
function steps(dir: string, path: string): readonly string[] {
  const names = relative(dir, path).split("/");
  return path === dir ? [] : names.map((_, index) => join(dir, ...names.slice(0, index + 1)));
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function renamed(name: string, { first, rename }: Unpacking): string {
  const parts = name
    .replace(/^\.?\/+/, "")
    .replace(/\/+$/, "")
    .split("/");
  if (parts[0] !== basename(first)) return parts.join("/");
  return [rename, ...parts.slice(1)].filter((part) => part !== "").join("/");
}

/** Throws for a name that leads out of the folder. */
function inside(dir: string, name: string): string {
  const path = join(dir, name);
  if (leadsOut(relative(dir, path))) throw new CliError(`Refusing archive entry "${name}": it lies outside`);
  return path;
}

/** From this machine to a container, with `cp -a`'s rules. */
export async function copyIn(
  runtime: ContainerRuntime,
  from: string,
  to: { readonly containerId: string; readonly path: string },
  options: CopyOptions,
): Promise<void> {
  const found = await (options.followLink === true ? stat(from) : lstat(from)).catch((cause: unknown) => {
    throw new CliError(`Cannot copy ${from}`, { cause });
  });
  const target = await runtime.containers.statPath(to.containerId, to.path).catch((error: unknown) => {
    if (hasKind(error, "not-found")) return undefined;
    throw error;
  });
  // S_IFDIR of st_mode; a link to a folder is resolved by the engine when it unpacks.
  const isInto = target !== undefined && ((target.mode & 0o170000) === 0o040000 || target.linkTarget !== "");
  if (!isInto && to.path.endsWith("/"))
    throw new CliError(`Cannot copy to ${to.path}: there is no such folder`);
  if (target !== undefined && !isInto && found.isDirectory()) {
    throw new CliError(`Cannot copy folder ${from} onto file ${to.path}`);
  }
  const wholeFolder = from.endsWith("/.") || from === ".";
  const name = isInto ? (wholeFolder ? "" : basename(resolve(from))) : basename(to.path);
  const dir = isInto ? to.path : dirname(to.path);
  const pack = tar.pack();
  const filling = addTree(pack, resolve(from), name, options)
    .then(() => pack.finalize())
    .catch((error: unknown) => pack.destroy(error instanceof Error ? error : new Error(String(error))));
  await runtime.containers.writeArchive(to.containerId, dir, pack as unknown as Readable, {
    noOverwriteDirNonDir: true,
    copyUidGid: options.archive === true,
  });
  await filling;
}

/** One file, folder or link under a name of its own, owned by root. */
export function addPath(pack: tar.Pack, path: string, name: string): Promise<void> {
  return addTree(pack, path, name, {});
}

async function addTree(pack: tar.Pack, path: string, name: string, options: CopyOptions): Promise<void> {
  const found = await (options.followLink === true ? stat(path) : lstat(path));
  const { archive = false } = options;
  const header = {
    mode: found.mode & 0o7777,
    mtime: found.mtime,
    uid: archive ? found.uid : 0,
    gid: archive ? found.gid : 0,
  };
  if (found.isDirectory()) {
    if (name !== "") await add(pack, { ...header, name: `${name}/`, type: "directory" });
    for (const child of await readdir(path)) {
      await addTree(pack, join(path, child), name === "" ? child : `${name}/${child}`, { archive });
    }
  } else if (found.isSymbolicLink()) {
    await add(pack, { ...header, name, type: "symlink", linkname: await readlink(path) });
  } else if (found.isFile()) {
    await pipeline(createReadStream(path), pack.entry({ ...header, name, type: "file", size: found.size }));
  }
}

function add(pack: tar.Pack, header: Partial<tar.Header> & { readonly name: string }): Promise<void> {
  return new Promise((done, fail) => {
    pack.entry(header, (error) => (error ? fail(error) : done()));
  });
}
