import { RuntimeError } from "../../../index.ts";

const SPARSE_MAP = "GNU.sparse.map";
/** The map of GNU's form 0.0 is these two, again and again. */
const SPARSE_PAIRS: ReadonlySet<string> = new Set(["GNU.sparse.offset", "GNU.sparse.numbytes"]);

/**
 * `<length> <key>=<value>\n`, repeated; the length counts the whole record. The last of equal keys wins, but for the
 * map of a sparse file in GNU's form 0.0, which is read as if it were 0.1's, one list.
 */
export function parsePaxRecords(data: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  const spans: string[] = [];
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const text = space === -1 ? "" : data.toString("latin1", at, space);
    const length = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    const end = at + length;
    const equals = data.indexOf(0x3d, space);
    if (length === 0 || end > data.length || data[end - 1] !== 0x0a || equals === -1 || equals >= end)
      throw new RuntimeError("invalid", "Invalid tar archive: an extended header cannot be read");
    const key = data.toString("latin1", space + 1, equals);
    const value = data.subarray(equals + 1, end - 1);
    if (SPARSE_PAIRS.has(key)) spans.push(value.toString("latin1"));
    else records.set(key, value);
    at = end;
  }
  if (spans.length > 0) records.set(SPARSE_MAP, Buffer.from(spans.join(","), "latin1"));
  return records;
}

export function formatPaxRecords(records: Iterable<readonly [string, Buffer]>): Buffer {
  const parts: Buffer[] = [];
  for (const [key, value] of records) {
    const body = Buffer.concat([Buffer.from(` ${key}=`, "latin1"), value, Buffer.from("\n")]);
    let length = body.length + String(body.length).length;
    length = body.length + String(length).length;
    parts.push(Buffer.from(String(length), "latin1"), body);
  }
  return Buffer.concat(parts);
}
