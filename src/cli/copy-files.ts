import { createReadStream, createWriteStream } from "node:fs";
import {
  chmod,
  lchown,
  link,
  lstat,
  mkdir,
  readdir,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
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
 * From a container to this machine, with `cp -a`'s rules: into an existing folder, else as the new name. Links
 * in the archive are made last and nothing is written through one, so that no archive leaves the target.
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
  const rename = isInto ? (wholeFolder ? "" : basename(found.name)) : basename(to);
  await unpack(archive, isInto ? to : dirname(resolve(to)), { first: found.name, rename, ...options });
}

async function followed(
  runtime: ContainerRuntime,
  from: { readonly containerId: string; readonly path: string },
): Promise<string> {
  const found = await runtime.containers.statPath(from.containerId, from.path);
  return found.linkTarget === "" ? from.path : found.linkTarget;
}

/** All of an archive into a folder, which is made if need be. */
export async function unpackInto(archive: Readable, dir: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await unpack(archive, dir, { first: "", rename: "" });
}

interface Unpacking extends CopyOptions {
  /** The archive's first folder or file, and what it is called here. */
  readonly first: string;
  readonly rename: string;
}

async function unpack(archive: Readable, dir: string, options: Unpacking): Promise<void> {
  const extract = tar.extract();
  const folders: { readonly path: string; readonly mode: number; readonly mtime: Date }[] = [];
  const links: { readonly path: string; readonly target: string }[] = [];
  const work = pipeline(archive, extract);
  // The loop below ends with its error.
  work.catch(() => undefined);
  for await (const entry of extract) {
    const { header } = entry;
    const path = inside(dir, renamed(header.name, options));
    if (header.type === "directory") {
      await mkdir(path, { recursive: true });
      folders.push({ path, mode: header.mode ?? 0o755, mtime: header.mtime ?? new Date() });
    } else if (header.type === "symlink") {
      links.push({ path, target: header.linkname ?? "" });
    } else if (header.type === "link") {
      await rm(path, { force: true });
      await link(inside(dir, renamed(header.linkname ?? "", options)), path);
    } else if (header.type === "file" || header.type === "contiguous-file") {
      await mkdir(dirname(path), { recursive: true });
      await rm(path, { force: true });
      await pipeline(entry, createWriteStream(path, { mode: header.mode ?? 0o644 }));
      await chmod(path, header.mode ?? 0o644);
      if (header.mtime) await utimes(path, header.mtime, header.mtime);
    }
    if (options.archive === true && header.type !== "symlink") {
      await lchown(path, header.uid ?? 0, header.gid ?? 0).catch(() => {});
    }
    entry.resume();
  }
  await work;
  for (const { path, target } of links) {
    await rm(path, { force: true });
    await symlink(target, path);
  }
  for (const { path, mode, mtime } of folders.reverse()) {
    await chmod(path, mode);
    await utimes(path, mtime, mtime);
  }
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
