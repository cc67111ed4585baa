import { formatPaxRecords } from "./pax.ts";
import { paddingOf, type Span, TAR_BLOCK, type TarEntry, type TarEntryType } from "./tar-entry.ts";
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

const NO_LINK = Buffer.alloc(0);

/** All header blocks of an entry; its data and padding follow. One entry has one spelling. */
export function formatEntry(entry: TarEntry): Buffer {
  const parts: Buffer[] = [];
  const name = Buffer.from(entry.name, "latin1");
  const link = Buffer.from(entry.linkName, "latin1");
  const pax = paxRecordsOf(entry);
  if (pax.length > 0) parts.push(metaEntry("x", formatPaxRecords(pax)));
  if (link.length > 100) parts.push(metaEntry("K", Buffer.concat([link, Buffer.from([0])])));
  if (name.length > 100) parts.push(metaEntry("L", Buffer.concat([name, Buffer.from([0])])));
  if (entry.sparse === undefined) parts.push(mainHeader(entry, name, link));
  else parts.push(...sparseHeader(entry, entry.sparse, name));
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

/** GNU's old form, whichever the file came in: a header with four spans, then blocks of 21 as far as needed. */
function sparseHeader(entry: TarEntry, spans: readonly Span[], name: Buffer): readonly Buffer[] {
  const header = mainHeader(entry, name, NO_LINK);
  header.write("S", 156, "latin1");
  header.write("ustar  \0", 257, "latin1");
  putNumber(header, 483, 12, entry.fileBytes);
  // One of no length at the end says that the file goes on behind the last data.
  const all = [...spans, { offset: entry.fileBytes, length: 0 }];
  putSpans(header, 386, all.slice(0, 4));
  const blocks = [header];
  for (let at = 4; at < all.length; at += 21) {
    const block = Buffer.alloc(TAR_BLOCK);
    putSpans(block, 0, all.slice(at, at + 21));
    (blocks.at(-1) ?? header)[at === 4 ? 482 : 504] = 1;
    blocks.push(block);
  }
  putChecksum(header);
  return blocks;
}

function putSpans(block: Buffer, start: number, spans: readonly Span[]): void {
  for (const [index, { offset, length }] of spans.entries()) {
    putNumber(block, start + index * 24, 12, offset);
    putNumber(block, start + index * 24 + 12, 12, length);
  }
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
  const xattrs = [...entry.xattrs].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of xattrs) records.push([`SCHILY.xattr.${key}`, value]);
  return records;
}
