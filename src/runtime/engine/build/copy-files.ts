import { execFileSync } from "node:child_process";
import {
  chmodSync,
  constants,
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readlinkSync,
  type Stats,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { posix } from "node:path";
import { RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import { copyCapability } from "./file-capability.ts";
import { changedMode, isOctal } from "./file-mode.ts";
import { ignoreRules } from "./ignore-rules.ts";
import { childrenOf, rulesWithin, type Selected, selectFiles } from "./select-files.ts";
import type { CopyJob } from "./tree-job.ts";

/**
 * COPY: a file to a file or into a folder, the content of a folder into a folder. Links in the image are followed
 * inside it; those in the source's folders are copied as links. How many things were copied: patterns may find none.
 */
export function copyFiles(job: CopyJob): number {
  using source = new ContainerRoot(job.source.dir);
  const selected = selectFiles(source, job);
  const copy = new Copy(job);
  const isFolder = job.isFolder || selected.length > 1;
  if (selected.length > 1 && !job.isFolder && !copy.isFolder(job.target))
    throw new RuntimeError(
      "invalid",
      "When using COPY with more than one source file, the destination must be a directory and end with a /",
    );
  for (const one of selected) copy.add(one, isFolder);
  return copy.count;
}

class Copy {
  readonly #job: CopyJob;
  #rules = ignoreRules("");
  /** Device and inode of a source with several names, to where its copy is. */
  readonly #linked = new Map<string, { readonly target: string; readonly path: string }>();
  count = 0;

  constructor(job: CopyJob) {
    this.#job = job;
  }

  add(selected: Selected, isFolder: boolean): void {
    const { target, keepsParents } = this.#job;
    const parent = keepsParents === true ? posix.dirname(`/${selected.kept}`) : "";
    const base = posix.join(target, parent);
    if (selected.stat.isDirectory()) {
      this.#rules = rulesWithin(this.#job.source, selected.within);
      const into = keepsParents === true ? posix.join(target, selected.kept) : base;
      const wasThere = this.isFolder(into);
      this.#makeFolders(into);
      this.#content(selected.path, selected.relative, into);
      // Its content is copied, not the folder: one that is new is as any that was missing on the way.
      if (!wasThere && (keepsParents === true || this.#job.isArchive === true))
        this.#finishFolder(into, selected.stat);
      return;
    }
    const isInside = isFolder || keepsParents === true || this.isFolder(base);
    const path = isInside ? posix.join(base, posix.basename(selected.relative)) : base;
    this.#makeFolders(posix.dirname(path));
    using root = new ContainerRoot(this.#job.rootDir);
    // A link at the very place is followed, as long as it leads to something; then its target is replaced.
    const place = root.locate(path, { follow: true });
    this.#file(selected.path, place.path, place.stat, selected.stat, place.insidePath);
  }

  isFolder(path: string): boolean {
    using root = new ContainerRoot(this.#job.rootDir);
    try {
      return root.locate(path).stat?.isDirectory() === true;
    } catch {
      return false;
    }
  }

  /** Folders that are missing on the way belong to the copy's owner, and have its mode where that is a number. */
  #makeFolders(path: string): void {
    const mode = isOctal(this.#job.mode) ? changedMode(0, this.#job.mode) & ~0o022 : 0o755;
    const parts = path.split("/").filter((part) => part !== "");
    for (const [index] of parts.entries()) {
      using root = new ContainerRoot(this.#job.rootDir);
      // What a link leads to may have to be made first.
      const place = root.locate(`/${parts.slice(0, index + 1).join("/")}`, { makeFolders: true });
      if (place.stat?.isDirectory()) continue;
      if (place.stat !== undefined) throw notAFolder(place.insidePath);
      mkdirSync(place.path, mode);
      chmodSync(place.path, mode);
      this.#own(place.path, { uid: 0, gid: 0 });
    }
  }

  #own(path: string, original: { readonly uid: number; readonly gid: number }): void {
    const { owner, keepsOwner } = this.#job;
    const { uid, gid } = owner ?? (keepsOwner ? original : { uid: 0, gid: 0 });
    lchownSync(path, uid, gid);
  }

  #folder(from: string, relative: string, to: string, stat: Stats): void {
    const wasThere = this.isFolder(to);
    this.#makeFolders(to);
    this.#content(from, relative, to);
    if (!wasThere) this.#finishFolder(to, stat);
  }

  #content(from: string, relative: string, to: string): void {
    for (const child of childrenOf(from, relative, this.#rules)) {
      const inside = posix.join(to, child.name);
      if (child.stat.isDirectory()) {
        // An ignored folder is only entered for the exceptions in it, and made only when there are some.
        if (!child.isIgnored || this.#hasWanted(`${from}/${child.name}`, child.relative))
          this.#folder(`${from}/${child.name}`, child.relative, inside, child.stat);
      } else {
        using root = new ContainerRoot(this.#job.rootDir);
        const place = root.locate(inside, { follow: false });
        this.#file(`${from}/${child.name}`, place.path, place.stat, child.stat, place.insidePath);
      }
    }
    this.count += 1;
  }

  #hasWanted(from: string, relative: string): boolean {
    return childrenOf(from, relative, this.#rules).some(
      (child) =>
        !child.isIgnored ||
        (child.stat.isDirectory() && this.#hasWanted(`${from}/${child.name}`, child.relative)),
    );
  }

  #finishFolder(path: string, stat: Stats): void {
    using root = new ContainerRoot(this.#job.rootDir);
    const place = root.locate(path);
    this.#own(place.path, stat);
    chmodSync(place.path, changedMode(stat.mode, this.#job.mode));
    utimesSync(place.path, stat.atime, stat.mtime);
  }

  #file(from: string, to: string, present: Stats | undefined, stat: Stats, shown: string): void {
    if (present?.isDirectory()) throw new RuntimeError("invalid", `cannot copy to directory: ${shown}`);
    if (present !== undefined) unlinkSync(to);
    this.count += 1;
    if (stat.isSymbolicLink()) {
      symlinkSync(readlinkSync(from), to);
      this.#own(to, stat);
      lutimesSync(to, stat.atime, stat.mtime);
      return;
    }
    if (stat.isSocket()) return;
    if (!stat.isFile()) {
      execFileSync("cp", ["--archive", "--no-dereference", seenByOthers(from), seenByOthers(to)]);
      this.#own(to, stat);
      chmodSync(to, changedMode(stat.mode, this.#job.mode));
      return;
    }
    if (this.#linkAgain(stat, to, shown)) return;
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    this.#own(to, stat);
    chmodSync(to, changedMode(stat.mode, this.#job.mode));
    if (this.#job.keepsOwner) copyCapability(from, to, stat);
    utimesSync(to, stat.atime, stat.mtime);
  }

  #linkAgain(stat: Stats, to: string, shown: string): boolean {
    if (stat.nlink < 2) return false;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) {
      this.#linked.set(key, { target: shown, path: to });
      return false;
    }
    using root = new ContainerRoot(this.#job.rootDir);
    const place = root.locate(first.target, { follow: false });
    if (lstatSync(place.path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    linkSync(place.path, to);
    return true;
  }
}

/** A path through a folder that we hold open, as it leads there in another process, too. */
function seenByOthers(path: string): string {
  return path.replace(/^\/proc\/self\//, `/proc/${process.pid}/`);
}

function notAFolder(path: string): RuntimeError {
  return new RuntimeError("invalid", `cannot copy to non-directory: ${path}`);
}
