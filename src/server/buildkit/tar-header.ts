const BLOCK_BYTES = 512;
const MAX_OCTAL_SIZE = 0o77777777777;

export type TarType = "file" | "hardlink" | "symlink" | "directory" | "fifo";

const TYPE_FLAGS: Readonly<Record<TarType, string>> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  directory: "5",
  fifo: "6",
};

export interface TarEntry {
  readonly name: string;
  readonly type: TarType;
  readonly mode: number;
  readonly size: number;
  readonly modifiedAt: Date;
  readonly linkName: string;
}

/** The header blocks of one entry, owned by root; what ustar cannot say goes into a pax header before it. */
export function tarHeader(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  const plain = ustarHeader({
    ...entry,
    name: cut(entry.name),
    linkName: cut(entry.linkName),
    size: Math.min(entry.size, MAX_OCTAL_SIZE),
    flag: TYPE_FLAGS[entry.type],
  });
  if (records.length === 0) return plain;
  const pax = ustarHeader({ ...entry, name: "pax", linkName: "", size: records.length, flag: "x" });
  return Buffer.concat([pax, records, tarPadding(records.length), plain]);
}

/** What fills the last block of so many bytes. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (size % BLOCK_BYTES)) % BLOCK_BYTES);
}

export const TAR_END = Buffer.alloc(2 * BLOCK_BYTES);

function paxRecords(entry: TarEntry): Buffer {
  const fields: [string, string][] = [];
  if (needsPax(entry.name)) fields.push(["path", entry.name]);
  if (needsPax(entry.linkName)) fields.push(["linkpath", entry.linkName]);
  if (entry.size > MAX_OCTAL_SIZE) fields.push(["size", String(entry.size)]);
  return Buffer.concat(fields.map(([key, value]) => paxRecord(key, value)));
}

function needsPax(text: string): boolean {
  return Buffer.byteLength(text) > 100 || /[^\x20-\x7e]/.test(text);
}

/** The record's length counts itself. */
function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.from(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function cut(text: string): string {
  return Buffer.from(text).subarray(0, 100).toString("latin1");
}

function ustarHeader(entry: Omit<TarEntry, "type"> & { readonly flag: string }): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, at: number, width: number): void => {
    block.write(value.toString(8).padStart(width - 1, "0"), at, "latin1");
  };
  block.write(entry.name, 0, 100, "latin1");
  octal(entry.mode & 0o7777, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.size, 124, 12);
  octal(Math.max(0, Math.floor(entry.modifiedAt.getTime() / 1000)), 136, 12);
  block.write("        ", 148, "latin1");
  block.write(entry.flag, 156, "latin1");
  block.write(entry.linkName, 157, 100, "latin1");
  block.write("ustar\0", 257, "latin1");
  block.write("00", 263, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
