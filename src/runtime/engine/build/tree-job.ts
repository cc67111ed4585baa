import { compact } from "../../../lib/compact.ts";

/**
 * Work on trees of files, described as data: it is done in a thread of its own, with plain blocking calls, so that
 * neither thousands of small files nor hashing holds up the engine.
 */
export type TreeJob = HashJob | SelectJob | CopyJob | MakeFolderJob | RemoveJob | RemoveStubsJob | MissingJob;

/** Where files come from. Nothing changes there meanwhile. */
export interface TreeSource {
  readonly dir: string;
  /** Text of a `.dockerignore`. */
  readonly ignore?: string;
  /** Patterns of `--exclude`, in the same language. */
  readonly exclude?: readonly string[];
}

/** Only that, as it is sent to the thread. */
export function treeSource({ dir, ignore, exclude }: TreeSource): TreeSource {
  return compact<TreeSource>({ dir, ignore, exclude });
}

/** As written after COPY: paths below the source, patterns allowed. */
export interface Selection {
  readonly source: TreeSource;
  readonly patterns: readonly string[];
  /** Owners count too: they are kept by the copy. */
  readonly keepsOwner: boolean;
  /** So do paths below the source, or below the pivot of a pattern (`--parents`). */
  readonly keepsParents?: boolean;
}

export interface HashJob extends Selection {
  readonly kind: "hash";
}

export interface SelectJob extends Selection {
  readonly kind: "select";
}

export interface CopyJob extends Selection {
  readonly kind: "copy";
  readonly rootDir: string;
  /** Absolute, inside `rootDir`. */
  readonly target: string;
  /** It ended with a slash, or several sources were given: make a folder of it. */
  readonly isFolder: boolean;
  readonly owner?: Owner;
  /** Octal digits or symbolic, as chmod(1) reads them. */
  readonly mode?: string;
  /** The source is an unpacked archive, which says nothing of these folders; "" is the source itself, bytes are latin1. */
  readonly impliedFolders?: readonly string[];
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface MakeFolderJob {
  readonly kind: "make-folder";
  readonly rootDir: string;
  readonly path: string;
  /** Of whatever has to be made. */
  readonly owner: Owner;
}

/** Which of the paths, and of the folders above them, are not there. */
export interface MissingJob {
  readonly kind: "missing";
  readonly rootDir: string;
  readonly paths: readonly string[];
}

/** Removes those paths; a folder only with all that is in it. */
export interface RemoveJob {
  readonly kind: "remove";
  readonly rootDir: string;
  readonly paths: readonly string[];
}

/** Removes what an OCI runtime made to mount on, if nothing was put there. */
export interface RemoveStubsJob {
  readonly kind: "remove-stubs";
  readonly rootDir: string;
  readonly paths: readonly string[];
}

export interface TreeResults {
  readonly hash: string;
  readonly select: readonly {
    readonly relative: string;
    /** Links resolved, below the source. */
    readonly insidePath: string;
    readonly isFile: boolean;
  }[];
  /** How many files and folders. */
  readonly copy: number;
  readonly "make-folder": undefined;
  readonly missing: readonly string[];
  readonly remove: undefined;
  readonly "remove-stubs": undefined;
}

export type TreeResult<Job extends TreeJob> = TreeResults[Job["kind"]];
