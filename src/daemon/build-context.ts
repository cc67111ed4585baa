import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import dockerIgnore from "@balena/dockerignore";
import tar from "tar-stream";
import { isMissing } from "../lib/atomic-file.ts";
import { readOrdinaryFile } from "../lib/bounded-file.ts";
import { leadsOut } from "../lib/leads-out.ts";
import { RuntimeError } from "../runtime/index.ts";
import { isRemote, openRemote } from "../server/index.ts";
import type { Build } from "../spec/index.ts";

/**
 * The context of a build as a tar stream: everything below its folder that `.dockerignore` (or the Dockerfile's
 * own, `<name>.dockerignore`) does not exclude, owned by root as the docker client sends it. A Dockerfile from
 * outside the folder is added under its absolute path. A repository is cloned, an archive at a web address downloaded.
 */
export async function buildContext(build: Pick<Build, "context" | "dockerfile">): Promise<Readable> {
  const { context = "." } = build;
  return isRemote(context) ? fetchContext(context) : packFolder(context, build.dockerfile);
}

async function fetchContext(address: string): Promise<Readable> {
  const { context, dockerfileText } = await openRemote(address);
  if (dockerfileText === undefined) return context;
  throw new RuntimeError("invalid", `Cannot use "${address}" as a build context: it is no archive`);
}

async function packFolder(dir: string, dockerfile = "Dockerfile"): Promise<Readable> {
  const found = await lstat(dir).catch((cause: unknown) => {
    throw new RuntimeError("invalid", `Cannot read the build context "${dir}"`, { cause });
  });
  if (!found.isDirectory() && !found.isSymbolicLink()) {
    throw new RuntimeError("invalid", `The build context "${dir}" is not a folder`);
  }
  const inside = relative(dir, resolve(dir, dockerfile));
  const isOutside = leadsOut(inside);
  const filter = await readFilter(dir, isOutside ? dockerfile : join(dir, inside), inside);
  const pack = tar.pack();
  const work = async () => {
    const names = Readable.from(namesBelow({ dir, path: "", filter }));
    const found = names.map((name: string) => look(join(dir, name), name), { concurrency: READ_AHEAD });
    for await (const file of found as AsyncIterable<Found>) await addEntry(pack, file);
    if (isOutside) await addEntry(pack, await look(join(dir, inside), dockerfile.replace(/^\/+/, "")));
    pack.finalize();
  };
  work().catch((error: unknown) => pack.destroy(error instanceof Error ? error : new Error(String(error))));
  return pack as unknown as Readable;
}

interface Filter {
  readonly isExcluded: (path: string) => boolean;
  /** Something below an excluded folder may still be wanted. */
  readonly hasExceptions: boolean;
}

async function readFilter(dir: string, dockerfilePath: string, dockerfileName: string): Promise<Filter> {
  const text =
    (await ignoreText(`${dockerfilePath}.dockerignore`)) ?? (await ignoreText(join(dir, ".dockerignore")));
  if (text === undefined) return { isExcluded: () => false, hasExceptions: false };
  const ignore = dockerIgnore.default().add(text);
  const kept = new Set([".dockerignore", dockerfileName]);
  return {
    isExcluded: (path) => !kept.has(path) && ignore.ignores(path),
    hasExceptions: /^\s*!/m.test(text) || dockerfileName.includes(sep),
  };
}

const MAX_IGNORE_BYTES = 4 << 20;

async function ignoreText(path: string): Promise<string | undefined> {
  try {
    return (await readOrdinaryFile(path, MAX_IGNORE_BYTES)).toString("utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

interface Folder {
  readonly dir: string;
  /** Relative to the context; "" for the context itself. */
  readonly path: string;
  readonly filter: Filter;
}

/** What is not excluded, in order, each folder before what it holds. */
async function* namesBelow({ dir, path, filter }: Folder): AsyncGenerator<string> {
  const entries = await readdir(join(dir, path), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = path === "" ? entry.name : `${path}/${entry.name}`;
    const isExcluded = filter.isExcluded(name);
    if (!isExcluded) yield name;
    if (entry.isDirectory() && (!isExcluded || filter.hasExceptions))
      yield* namesBelow({ dir, path: name, filter });
  }
}

interface Found {
  readonly path: string;
  readonly name: string;
  readonly stats: Stats;
  /** A symbolic link's target, or all of a small file. */
  readonly content?: string | Buffer;
}

/** Files looked at before their turn. */
const READ_AHEAD = 8;
/** Contexts are mostly small files: a stream for each costs more than all else. */
const LARGEST_READ_WHOLE_BYTES = 256 * 1024;

async function look(path: string, name: string): Promise<Found> {
  const stats = await lstat(path);
  if (stats.isSymbolicLink()) return { path, name, stats, content: await readlink(path) };
  if (stats.isFile() && stats.size <= LARGEST_READ_WHOLE_BYTES)
    return { path, name, stats, content: await readFile(path) };
  return { path, name, stats };
}

async function addEntry(pack: tar.Pack, { path, name, stats, content }: Found): Promise<void> {
  const header = { name, mode: stats.mode & 0o7777, mtime: stats.mtime, uid: 0, gid: 0 };
  if (stats.isDirectory()) return entry(pack, { ...header, name: `${name}/`, type: "directory" });
  if (typeof content === "string") return entry(pack, { ...header, type: "symlink", linkname: content });
  // Sockets, pipes and devices have no place in a context; the docker client leaves sockets out, too.
  if (!stats.isFile()) return;
  if (content !== undefined) return entry(pack, { ...header, type: "file" }, content);
  await pipeline(createReadStream(path), pack.entry({ ...header, type: "file", size: stats.size }));
}

function entry(
  pack: tar.Pack,
  header: Partial<tar.Header> & { readonly name: string },
  content?: Buffer,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null) => (error ? reject(error) : resolve());
    if (content === undefined) pack.entry(header, settle);
    else pack.entry(header, content, settle);
  });
}
