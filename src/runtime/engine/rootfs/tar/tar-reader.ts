import { RuntimeError } from "../../../index.ts";
import { parsePaxRecords } from "./pax.ts";
import { checkedSpans, MapReader, spansOfHeader, spansOfList } from "./sparse-map.ts";
import { paddingOf, type Span, TAR_BLOCK, type TarEntry, type TarEntryType } from "./tar-entry.ts";
import { isZeroBlock, numberField, textField, verifyChecksum } from "./tar-fields.ts";

export interface TarSink {
  onEntry(entry: TarEntry): void;
  onData(chunk: Buffer): void;
}

const NOTHING: Buffer = Buffer.alloc(0);
const NO_RECORDS: ReadonlyMap<string, Buffer> = new Map();

const TYPES: Readonly<Record<string, TarEntryType>> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
};

/** Headers that only describe the next entry, and how long each may be. */
const META_LIMITS: Readonly<Record<string, number>> = { x: 1 << 20, g: 1 << 20, L: 1 << 16, K: 1 << 16 };

/** Of a sparse file in GNU's old form: 1 MiB, as for the other forms. */
const MAX_EXTENSION_BLOCKS = 2048;

/**
 * Reads a tar stream as it comes, in whatever pieces. Bad input is `invalid`. What follows the end mark is
 * ignored, as is a missing end mark at an entry's end.
 */
export class TarReader {
  readonly #sink: TarSink;
  #block: Buffer = NOTHING;
  #isAtEnd = false;
  /** Bytes of the present entry's data, then padding, still to come. */
  #dataLeft = 0;
  #paddingLeft = 0;
  #meta: { readonly type: string; readonly parts: Buffer[] } | undefined;
  #sparseHeader: Buffer | undefined;
  #sparseExtension: Buffer[] = [];
  /** A sparse file whose map is yet to come, at the beginning of its data. */
  #unmapped: { readonly entry: TarEntry; readonly map: MapReader } | undefined;
  #longName: string | undefined;
  #longLink: string | undefined;
  #pax: ReadonlyMap<string, Buffer> | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  write(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0 && !this.#isAtEnd) {
      if (this.#dataLeft > 0) {
        const data = rest.subarray(0, this.#dataLeft);
        this.#dataLeft -= data.length;
        rest = rest.subarray(data.length);
        this.#onData(data);
        if (this.#dataLeft === 0 && this.#paddingLeft === 0) this.#endOfData();
      } else if (this.#paddingLeft > 0) {
        const skipped = Math.min(this.#paddingLeft, rest.length);
        this.#paddingLeft -= skipped;
        rest = rest.subarray(skipped);
        if (this.#paddingLeft === 0) this.#endOfData();
      } else {
        rest = this.#readBlock(rest);
      }
    }
  }

  /** The stream has ended. */
  end(): void {
    if (this.#isAtEnd) return;
    const isInside =
      this.#dataLeft > 0 ||
      this.#block.length > 0 ||
      this.#sparseHeader !== undefined ||
      this.#meta !== undefined ||
      this.#pax !== undefined ||
      this.#longName !== undefined;
    if (isInside) throw malformed("it ends in the middle of an entry");
  }

  #onData(data: Buffer): void {
    if (this.#meta !== undefined) this.#meta.parts.push(Buffer.from(data));
    else if (this.#unmapped !== undefined) this.#readMap(this.#unmapped.entry, this.#unmapped.map, data);
    else this.#sink.onData(data);
  }

  #readMap(entry: TarEntry, map: MapReader, data: Buffer): void {
    const rest = map.read(data);
    if (map.spans === undefined) return;
    this.#unmapped = undefined;
    const storedBytes = entry.storedBytes - map.mapBytes;
    const sparse = checkedSpans(map.spans, entry.fileBytes, storedBytes);
    this.#sink.onEntry({ ...entry, storedBytes, sparse });
    if (rest.length > 0) this.#sink.onData(rest);
  }

  #readBlock(rest: Buffer): Buffer {
    const missing = TAR_BLOCK - this.#block.length;
    const piece = rest.subarray(0, missing);
    this.#block = this.#block.length === 0 ? piece : Buffer.concat([this.#block, piece]);
    if (this.#block.length < TAR_BLOCK) {
      this.#block = Buffer.from(this.#block);
    } else {
      const block = this.#block;
      this.#block = NOTHING;
      this.#onBlock(block);
    }
    return rest.subarray(piece.length);
  }

  #onBlock(block: Buffer): void {
    if (this.#sparseHeader !== undefined) {
      if (this.#sparseExtension.length === MAX_EXTENSION_BLOCKS)
        throw malformed("the map of a sparse file is too long");
      this.#sparseExtension.push(Buffer.from(block));
      if (block[504] === 0) this.#onHeader(this.#sparseHeader);
      return;
    }
    if (isZeroBlock(block)) {
      this.#isAtEnd = true;
      return;
    }
    verifyChecksum(block);
    const type = String.fromCharCode(block[156] ?? 0);
    const limit = META_LIMITS[type];
    if (limit !== undefined) this.#startMeta(type, numberField(block, 124, 12), limit);
    else if (type === "S" && block[482] !== 0) this.#sparseHeader = Buffer.from(block);
    else this.#onHeader(block);
  }

  #startMeta(type: string, bytes: number, limit: number): void {
    if (bytes < 0 || bytes > limit) throw malformed(`a header of ${bytes} bytes cannot be`);
    this.#meta = { type, parts: [] };
    this.#expectData(bytes);
  }

  #expectData(bytes: number): void {
    this.#dataLeft = bytes;
    this.#paddingLeft = paddingOf(bytes);
    if (bytes === 0) this.#endOfData();
  }

  #endOfData(): void {
    if (this.#unmapped !== undefined) throw malformed("the map of a sparse file is cut off");
    const meta = this.#meta;
    if (meta === undefined) return;
    this.#meta = undefined;
    const data = Buffer.concat(meta.parts);
    if (meta.type === "x") this.#pax = parsePaxRecords(data);
    else if (meta.type === "L") this.#longName = textField(data, 0, data.length);
    else if (meta.type === "K") this.#longLink = textField(data, 0, data.length);
  }

  #onHeader(header: Buffer): void {
    const flag = String.fromCharCode(header[156] ?? 0);
    const type = TYPES[flag];
    if (type === undefined) throw malformed(`entry type ${JSON.stringify(flag)} is unknown`);
    const pax = this.#pax ?? NO_RECORDS;
    const entry = this.#entryOf(header, flag, type, pax);
    this.#pax = undefined;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#sparseHeader = undefined;
    this.#sparseExtension = [];
    if (entry.type === "file" && flag !== "S" && hasMapBeforeData(pax))
      this.#unmapped = { entry, map: new MapReader() };
    else this.#sink.onEntry(entry);
    this.#expectData(entry.storedBytes);
  }

  #entryOf(
    header: Buffer,
    flag: string,
    headerType: TarEntryType,
    pax: ReadonlyMap<string, Buffer>,
  ): TarEntry {
    const isSparse = flag === "S" || [...pax.keys()].some((key) => key.startsWith("GNU.sparse."));
    const name =
      paxText(pax, "GNU.sparse.name") ?? paxText(pax, "path") ?? this.#longName ?? headerName(header);
    const isOldDirectory = headerType === "file" && name.endsWith("/") && !isSparse;
    const type = isOldDirectory ? "directory" : headerType;
    const storedBytes = checkedSize(
      type === "file" ? (paxNumber(pax, "size") ?? numberField(header, 124, 12)) : 0,
    );
    const fileBytes = type === "file" && isSparse ? sparseBytes(flag, header, pax, storedBytes) : storedBytes;
    const spans = type === "file" && isSparse ? this.#spansOf(flag, header, pax) : undefined;
    return {
      name,
      type,
      mode: numberField(header, 100, 8) & 0o7777,
      uid: paxNumber(pax, "uid") ?? numberField(header, 108, 8),
      gid: paxNumber(pax, "gid") ?? numberField(header, 116, 8),
      storedBytes,
      fileBytes,
      mtime: paxTime(pax) ?? { seconds: numberField(header, 136, 12), nanoseconds: 0 },
      linkName: paxText(pax, "linkpath") ?? this.#longLink ?? textField(header, 157, 100),
      deviceMajor: type.endsWith("device") ? numberField(header, 329, 8) : 0,
      deviceMinor: type.endsWith("device") ? numberField(header, 337, 8) : 0,
      xattrs: xattrsOf(pax),
      ...(spans === undefined ? {} : { sparse: checkedSpans(spans, fileBytes, storedBytes) }),
    };
  }

  /** Undefined when a map before the data says it. */
  #spansOf(flag: string, header: Buffer, pax: ReadonlyMap<string, Buffer>): readonly Span[] | undefined {
    if (flag === "S") return spansOfHeader(header, this.#sparseExtension);
    return hasMapBeforeData(pax) ? undefined : spansOfList(paxText(pax, "GNU.sparse.map") ?? "");
  }
}

function headerName(header: Buffer): string {
  const name = textField(header, 0, 100);
  // GNU puts times where POSIX puts the prefix; its magic ends with two blanks instead of a NUL.
  const isPosix = header.toString("latin1", 257, 263) === "ustar\0";
  const prefix = isPosix ? textField(header, 345, 155) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

function checkedSize(bytes: number): number {
  if (!Number.isSafeInteger(bytes) || bytes < 0) throw malformed(`an entry of ${bytes} bytes cannot be`);
  return bytes;
}

/** GNU's form 1.0; the ones before it have no such record, or 0. */
function hasMapBeforeData(pax: ReadonlyMap<string, Buffer>): boolean {
  const major = paxNumber(pax, "GNU.sparse.major") ?? 0;
  if (major !== 0 && major !== 1) throw malformed(`sparse files of the form ${major} are unknown`);
  return major === 1;
}

/** Of the file when it is there. */
function sparseBytes(
  flag: string,
  header: Buffer,
  pax: ReadonlyMap<string, Buffer>,
  storedBytes: number,
): number {
  if (flag === "S") return checkedSize(numberField(header, 483, 12));
  return checkedSize(
    paxNumber(pax, "GNU.sparse.realsize") ?? paxNumber(pax, "GNU.sparse.size") ?? storedBytes,
  );
}

function paxText(pax: ReadonlyMap<string, Buffer>, key: string): string | undefined {
  const value = pax.get(key)?.toString("latin1");
  if (value?.includes("\0")) throw malformed(`${key} holds a NUL byte`);
  return value === "" ? undefined : value;
}

function paxNumber(pax: ReadonlyMap<string, Buffer>, key: string): number | undefined {
  const text = pax.get(key)?.toString("latin1");
  if (text === undefined || text === "") return undefined;
  if (!/^-?\d{1,19}$/.test(text)) throw malformed(`${key} is no number: ${JSON.stringify(text)}`);
  return Number(text);
}

function paxTime(pax: ReadonlyMap<string, Buffer>): TarEntry["mtime"] | undefined {
  const text = pax.get("mtime")?.toString("latin1");
  if (text === undefined || text === "") return undefined;
  const match = /^(-?\d{1,19})(?:\.(\d*))?$/.exec(text);
  if (match === null) throw malformed(`mtime is no time: ${JSON.stringify(text)}`);
  const nanoseconds = Number((match[2] ?? "").slice(0, 9).padEnd(9, "0"));
  return { seconds: Number(match[1]), nanoseconds };
}

function xattrsOf(pax: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  if (pax.size === 0) return pax;
  const prefix = "SCHILY.xattr.";
  const found = [...pax].filter(([key]) => key.startsWith(prefix));
  return new Map(found.map(([key, value]) => [key.slice(prefix.length), value]));
}

export function malformed(detail: string): RuntimeError {
  return new RuntimeError("invalid", `Invalid tar archive: ${detail}`);
}
