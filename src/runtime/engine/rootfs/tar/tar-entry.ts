/**
 * One entry of a tar stream, whatever dialect (ustar, PAX, GNU, old) said it. Names are byte strings: each
 * character is one byte, so that names in no known encoding survive unchanged.
 */
export interface TarEntry {
  readonly name: string;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of data that follow in the stream. */
  readonly storedBytes: number;
  /** Size of the file when it is there; differs from `storedBytes` for sparse files only. */
  readonly fileBytes: number;
  readonly mtime: { readonly seconds: number; readonly nanoseconds: number };
  readonly linkName: string;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
  readonly xattrs: ReadonlyMap<string, Buffer>;
  /** Where the stored data of a sparse file belongs, in order; between the spans, and up to `fileBytes`, it is zeros. */
  readonly sparse?: readonly Span[];
}

export type TarEntryType =
  | "file"
  | "hardlink"
  | "symlink"
  | "character-device"
  | "block-device"
  | "directory"
  | "fifo";

export interface Span {
  readonly offset: number;
  readonly length: number;
}

export const TAR_BLOCK = 512;

export function paddingOf(bytes: number): number {
  return (TAR_BLOCK - (bytes % TAR_BLOCK)) % TAR_BLOCK;
}
