import { formatPaxRecords } from "./pax.ts";
import { paddingOf, TAR_BLOCK, type TarEntry, type TarEntryType } from "./tar-entry.ts";
import { putChecksum, putNumber } from "./tar-fields.ts";

const FLAGS: Readonly<Record<TarEntryType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  "character-device": "3",
  "block-device": "4",
  directory: "5",
  fifo: "6",
};

/** All header blocks of an entry; its data and padding follow. One entry has one spelling. */
export function formatEntry(entry: TarEntry): Buffer {
  const parts: Buffer[] = [];
  const name = Buffer.from(entry.name, "latin1");
  const link = Buffer.from(entry.linkName, "latin1");
  const pax = paxRecordsOf(entry);
  if (pax.length > 0) parts.push(metaEntry("x", formatPaxRecords(pax)));
  if (link.length > 100) parts.push(metaEntry("K", Buffer.concat([link, Buffer.from([0])])));
  if (name.length > 100) parts.push(metaEntry("L", Buffer.concat([name, Buffer.from([0])])));
  if (entry.sparse?.kind === "gnu")
    parts.push(gnuSparseHeader(entry.sparse.header, name), entry.sparse.extension);
  else parts.push(mainHeader(entry, name, link));
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
}

function mainHeader(entry: TarEntry, name: Buffer, link: Buffer): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  name.copy(block, 0, 0, 100);
  putNumber(block, 100, 8, entry.mode);
  putNumber(block, 108, 8, entry.uid);
  putNumber(block, 116, 8, entry.gid);
  putNumber(block, 124, 12, entry.storedBytes);
  putNumber(block, 136, 12, entry.mtime.seconds);
  block.write(FLAGS[entry.type], 156, "latin1");
  link.copy(block, 157, 0, 100);
  block.write("ustar\x0000", 257, "latin1");
  putNumber(block, 329, 8, entry.deviceMajor);
  putNumber(block, 337, 8, entry.deviceMinor);
  putChecksum(block);
  return block;
}

function gnuSparseHeader(original: Buffer, name: Buffer): Buffer {
  const block = Buffer.from(original);
  block.fill(0, 0, 100);
  name.copy(block, 0, 0, 100);
  putChecksum(block);
  return block;
}

function metaEntry(flag: string, data: Buffer): Buffer {
  const block = Buffer.alloc(TAR_BLOCK);
  block.write(flag === "x" ? "PaxHeaders/x" : "././@LongLink", 0, "latin1");
  putNumber(block, 100, 8, 0o644);
  putNumber(block, 108, 8, 0);
  putNumber(block, 116, 8, 0);
  putNumber(block, 124, 12, data.length);
  putNumber(block, 136, 12, 0);
  block.write(flag, 156, "latin1");
  block.write(flag === "x" ? "ustar\x0000" : "ustar  \0", 257, "latin1");
  putChecksum(block);
  return Buffer.concat([block, data, Buffer.alloc(paddingOf(data.length))]);
}

function paxRecordsOf(entry: TarEntry): (readonly [string, Buffer])[] {
  const records: (readonly [string, Buffer])[] = [];
  const { seconds, nanoseconds } = entry.mtime;
  if (nanoseconds !== 0) {
    const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
    records.push(["mtime", Buffer.from(`${seconds}.${fraction}`)]);
  }
  if (entry.sparse?.kind === "pax") {
    for (const [key, value] of entry.sparse.records) {
      if (key !== "GNU.sparse.name") records.push([key, value]);
    }
    if (entry.sparse.records.has("GNU.sparse.name"))
      records.push(["GNU.sparse.name", Buffer.from(entry.name, "latin1")]);
  }
  const xattrs = [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of xattrs) records.push([`SCHILY.xattr.${key}`, value]);
  return records;
}
