import { chmodSync, lchownSync, lstatSync, mkdirSync, rmdirSync, unlinkSync } from "node:fs";
import { posix } from "node:path";
import { RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import { copyFiles } from "./copy-files.ts";
import { hashFiles } from "./hash-files.ts";
import { selectFiles } from "./select-files.ts";
import type {
  MakeFolderJob,
  MissingJob,
  RemoveJob,
  RemoveStubsJob,
  SelectJob,
  TreeJob,
  TreeResult,
} from "./tree-job.ts";

export function performTreeJob<Job extends TreeJob>(job: Job): TreeResult<Job>;
export function performTreeJob(job: TreeJob): unknown {
  switch (job.kind) {
    case "hash":
      return hashFiles(job);
    case "select":
      return select(job);
    case "copy":
      return copyFiles(job);
    case "make-folder":
      return makeFolder(job);
    case "missing":
      return missingPaths(job);
    case "remove":
      return remove(job);
    case "remove-stubs":
      return removeStubs(job);
  }
}

function select(job: SelectJob): TreeResult<SelectJob> {
  using root = new ContainerRoot(job.source.dir);
  return selectFiles(root, job).map(({ relative, insidePath, stat }) => ({
    relative,
    insidePath,
    isFile: stat.isFile(),
  }));
}

/** Absolute, links followed inside; it and folders on the way are made with mode 0755. */
function makeFolder({ rootDir, path, owner }: MakeFolderJob): undefined {
  const parts = path.split("/").filter((part) => part !== "");
  for (const [index] of parts.entries()) {
    using root = new ContainerRoot(rootDir);
    const place = root.locate(`/${parts.slice(0, index + 1).join("/")}`, { makeFolders: true });
    if (place.stat?.isDirectory()) continue;
    if (place.stat !== undefined)
      throw new RuntimeError("invalid", `cannot make folder ${path}: a file of that name exists`);
    mkdirSync(place.path, 0o755);
    chmodSync(place.path, 0o755);
    lchownSync(place.path, owner.uid, owner.gid);
  }
  return undefined;
}

function missingPaths({ rootDir, paths }: MissingJob): readonly string[] {
  const missing = new Set<string>();
  for (const path of paths) {
    for (let at = posix.join("/", path); at !== "/"; at = posix.dirname(at)) {
      if (isThere(rootDir, at)) break;
      missing.add(at);
    }
  }
  return [...missing];
}

function isThere(rootDir: string, path: string): boolean {
  using root = new ContainerRoot(rootDir);
  try {
    return root.locate(path).stat !== undefined;
  } catch {
    return false;
  }
}

/** What is in a folder comes after it in the order of paths, and goes before it. */
function remove({ rootDir, paths }: RemoveJob): undefined {
  for (const path of [...paths].sort().reverse()) {
    using root = new ContainerRoot(rootDir);
    const place = root.locate(path, { follow: false });
    if (place.stat?.isDirectory()) rmdirSync(place.path);
    else unlinkSync(place.path);
  }
  return undefined;
}

/** Deepest first. What holds something, or has become something else, stays. */
function removeStubs({ rootDir, paths }: RemoveStubsJob): undefined {
  for (const path of [...paths].sort((a, b) => b.length - a.length)) {
    using root = new ContainerRoot(rootDir);
    try {
      const place = root.locate(path, { follow: false });
      const stat = lstatSync(place.path);
      if (stat.isDirectory()) rmdirSync(place.path);
      else if (stat.isFile() && stat.size === 0) unlinkSync(place.path);
    } catch {
      // It is gone, or in use as something of the image's own.
    }
  }
  return undefined;
}
