import { rejoined } from "../../lib/rejoined.ts";
import { type FolderEntry, RuntimeError } from "../index.ts";
import { WireObject } from "./wire-object.ts";

/**
 * The body of `POST /build` by which our own client offers a folder to our own engine: a line with the folder's key and listing, then
 * a tar of what the engine asked for in a line of its answer, by places in the listing.
 */
export const FOLDER_UPLOAD_TYPE = "application/vnd.stowage.folder";

/** Longer than the listing of as many entries as an engine takes. */
const MAX_HEAD_BYTES = 400 << 20;
const LINE_END = 10;

export interface FolderHead {
  readonly key: string;
  readonly entries: readonly FolderEntry[];
  readonly dockerfileText?: string | undefined;
}

export function folderHeadToWire({ key, entries, dockerfileText }: FolderHead): string {
  const rows = entries.map(({ path, isFolder, sizeBytes, fingerprint }) => [
    path,
    isFolder,
    sizeBytes,
    fingerprint,
  ]);
  return `${JSON.stringify({ key, entries: rows, dockerfileText })}\n`;
}

export interface FolderUpload {
  readonly head: FolderHead;
  /** What came with the head and behind it. */
  readonly rest: AsyncIterable<Buffer>;
}

/** `invalid` for what is none. */
export async function folderUploadFromWire(body: AsyncIterable<Buffer>): Promise<FolderUpload> {
  const chunks = body[Symbol.asyncIterator]();
  const parts: Buffer[] = [];
  let size = 0;
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    const end = next.value.indexOf(LINE_END);
    parts.push(end < 0 ? next.value : next.value.subarray(0, end));
    if (end >= 0) {
      const rest = rejoined(next.value.subarray(end + 1), chunks);
      return { head: headFromWire(Buffer.concat(parts).toString("utf8")), rest };
    }
    size += next.value.length;
    if (size > MAX_HEAD_BYTES) break;
  }
  throw new RuntimeError("invalid", "Cannot take over a folder: its listing has no end");
}

function headFromWire(line: string): FolderHead {
  const head = new WireObject(parsed(line));
  const rows = head.raw("entries");
  if (!Array.isArray(rows)) throw malformed();
  return {
    key: head.text("key") ?? "",
    dockerfileText: head.text("dockerfileText"),
    entries: rows.map(entryFromWire),
  };
}

function entryFromWire(row: unknown): FolderEntry {
  const [path, isFolder, sizeBytes, fingerprint] = Array.isArray(row) ? row : [];
  if (typeof path !== "string" || typeof isFolder !== "boolean" || typeof sizeBytes !== "number")
    throw malformed();
  return { path, isFolder, sizeBytes, ...(typeof fingerprint === "string" && { fingerprint }) };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw malformed();
  }
}

function malformed(): RuntimeError {
  return new RuntimeError("invalid", "Cannot take over a folder: its listing is malformed");
}
