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
import { bytesOf, childrenOf, joinBytes, rulesWithin, type Selected, selectFiles } from "./select-files.ts";
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
  readonly #implied: ReadonlySet<string>;
  #rules = ignoreRules("");
  /** Device and inode of a source with several names, to where its copy is in the image. */
  readonly #linked = new Map<string, Buffer>();
  count = 0;

  constructor(job: CopyJob) {
    this.#job = job;
    this.#implied = new Set(job.impliedFolders?.map((path) => Buffer.from(path, "latin1").toString()));
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
      using root = new ContainerRoot(this.#job.rootDir);
      const { path, insidePath } = root.locate(into);
      this.#content(selected.path, selected.relative, { path, insidePath: insidePath.replace(/^\/$/, "") });
      // Its content is copied, not the folder: one that is new is as any that was missing on the way, but for its time.
      if (!wasThere && keepsParents === true) this.#finishFolder(path, selected.stat);
      else if (this.#job.impliedFolders === undefined)
        utimesSync(path, selected.stat.atime, selected.stat.mtime);
      return;
    }
    const isInside = isFolder || keepsParents === true || this.isFolder(base);
    this.#makeFolders(isInside ? base : posix.dirname(base));
    using root = new ContainerRoot(this.#job.rootDir);
    this.#file(
      selected.path,
      isInside ? fileIn(root, base, selected.name) : root.locate(base),
      selected.stat,
    );
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
    const parts = path.split("/").filter((part) => part !== "");
    for (const [index] of parts.entries()) {
      using root = new ContainerRoot(this.#job.rootDir);
      // What a link leads to may have to be made first.
      const place = root.locate(`/${parts.slice(0, index + 1).join("/")}`, { makeFolders: true });
      if (place.stat?.isDirectory()) continue;
      if (place.stat !== undefined) throw notAFolder(place.insidePath);
      this.#makeFolder(place.path);
    }
  }

  #makeFolder(path: string | Buffer): void {
    const mode = isOctal(this.#job.mode) ? changedMode(0, this.#job.mode) & ~0o022 : 0o755;
    mkdirSync(path, mode);
    chmodSync(path, mode);
    this.#own(path, { uid: 0, gid: 0 });
  }

  #own(path: string | Buffer, original: { readonly uid: number; readonly gid: number }): void {
    const { owner, keepsOwner } = this.#job;
    const { uid, gid } = owner ?? (keepsOwner ? original : { uid: 0, gid: 0 });
    lchownSync(path, uid, gid);
  }

  /** Into a folder that is there, or is made. No link is followed, unless an archive takes it for a folder unsaid. */
  #folder(from: Buffer, relative: string, to: Target, stat: Stats): void {
    const isImplied = this.#implied.has(relative);
    let present = lstatSync(to.path, { throwIfNoEntry: false });
    if (isImplied && present?.isSymbolicLink()) {
      using root = new ContainerRoot(this.#job.rootDir);
      this.#makeFolders(to.insidePath.toString());
      this.#content(from, relative, root.locate(to.insidePath.toString()));
      return;
    }
    if (present?.isDirectory() === false) {
      // An archive's folder takes the place of what was there.
      if (this.#job.impliedFolders === undefined || isImplied) throw notAFolder(to.insidePath.toString());
      unlinkSync(to.path);
      present = undefined;
    }
    if (present === undefined) this.#makeFolder(to.path);
    this.#content(from, relative, to);
    if (!isImplied) this.#finishFolder(to.path, stat);
  }

  #content(from: string | Buffer, relative: string, to: Target): void {
    for (const child of childrenOf(from, relative, this.#rules)) {
      const place = {
        path: joinBytes(to.path, child.name),
        insidePath: joinBytes(to.insidePath, child.name),
      };
      if (child.stat.isDirectory()) {
        // An ignored folder is only entered for the exceptions in it, and made only when there are some.
        if (!child.isIgnored || this.#hasWanted(child.path, child.relative))
          this.#folder(child.path, child.relative, place, child.stat);
      } else this.#file(child.path, place, child.stat);
    }
    this.count += 1;
  }

  #hasWanted(from: Buffer, relative: string): boolean {
    return childrenOf(from, relative, this.#rules).some(
      (child) =>
        !child.isIgnored || (child.stat.isDirectory() && this.#hasWanted(child.path, child.relative)),
    );
  }

  /** A folder of the source looks the same in the image, one that was there, too. */
  #finishFolder(path: string | Buffer, stat: Stats): void {
    this.#own(path, stat);
    chmodSync(path, changedMode(stat.mode, this.#job.mode));
    utimesSync(path, stat.atime, stat.mtime);
  }

  #file(from: string | Buffer, { path: to, insidePath }: Target, stat: Stats): void {
    const present = lstatSync(to, { throwIfNoEntry: false });
    if (present?.isDirectory())
      throw new RuntimeError("invalid", `cannot replace to directory ${insidePath} with file`);
    if (present !== undefined) unlinkSync(to);
    this.count += 1;
    if (stat.isSymbolicLink()) {
      symlinkSync(readlinkSync(from, { encoding: "buffer" }), to);
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
    if (this.#linkAgain(stat, to, insidePath)) return;
    copyFileSync(from, to, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    this.#own(to, stat);
    chmodSync(to, changedMode(stat.mode, this.#job.mode));
    if (this.#job.keepsOwner) copyCapability(from, to, stat);
    utimesSync(to, stat.atime, stat.mtime);
  }

  #linkAgain(stat: Stats, to: string | Buffer, insidePath: string | Buffer): boolean {
    if (stat.nlink < 2) return false;
    const key = `${stat.dev}:${stat.ino}`;
    const first = this.#linked.get(key);
    if (first === undefined) {
      this.#linked.set(key, bytesOf(insidePath));
      return false;
    }
    // No folder on this way is a link, nor has become one since.
    const path = Buffer.concat([Buffer.from(this.#job.rootDir), first]);
    if (lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    linkSync(path, to);
    return true;
  }
}

/** Where something is copied to, or in: links in front of it are resolved. */
interface Target {
  readonly path: string | Buffer;
  /** As the image sees it. */
  readonly insidePath: string | Buffer;
}

/** A link at the very place is followed, as long as it leads to something; then its target is replaced. */
function fileIn(root: ContainerRoot, folder: string, name: Buffer): Target {
  const text = name.toString();
  if (Buffer.from(text).equals(name)) return root.locate(posix.join(folder, text));
  const { path, insidePath } = root.locate(folder);
  return { path: joinBytes(path, name), insidePath: joinBytes(insidePath, name) };
}

/** A path through a folder that we hold open, as it leads there in another process, too. */
function seenByOthers(path: string | Buffer): string {
  return path.toString().replace(/^\/proc\/self\//, `/proc/${process.pid}/`);
}

function notAFolder(path: string): RuntimeError {
  return new RuntimeError("invalid", `cannot copy to non-directory: ${path}`);
}
