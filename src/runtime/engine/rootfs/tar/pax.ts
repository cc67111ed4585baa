import { RuntimeError } from "../../../index.ts";

/** `<length> <key>=<value>\n`, repeated; the length counts the whole record. The last of equal keys wins. */
export function parsePaxRecords(data: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(0x20, at);
    const text = space === -1 ? "" : data.toString("latin1", at, space);
    const length = /^\d{1,7}$/.test(text) ? Number(text) : 0;
    const end = at + length;
    const equals = data.indexOf(0x3d, space);
    if (length === 0 || end > data.length || data[end - 1] !== 0x0a || equals === -1 || equals >= end)
      throw new RuntimeError("invalid", "Invalid tar archive: an extended header cannot be read");
    records.set(data.toString("latin1", space + 1, equals), data.subarray(equals + 1, end - 1));
    at = end;
  }
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
