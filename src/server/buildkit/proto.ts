/** The little of protocol buffers' wire format that BuildKit's messages need. */

type Field = bigint | Buffer;

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** A message as it came, read by field number. What is missing has proto3's zero value. */
export class ProtoMessage {
  readonly #fields = new Map<number, Field[]>();

  constructor(bytes: Uint8Array = new Uint8Array()) {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const cursor = { at: 0 };
    while (cursor.at < buffer.length) {
      const tag = Number(readVarint(buffer, cursor));
      const value = readValue(buffer, cursor, tag & 7);
      const values = this.#fields.get(tag >>> 3) ?? [];
      this.#fields.set(tag >>> 3, values);
      values.push(value);
    }
  }

  has(field: number): boolean {
    return this.#fields.has(field);
  }

  bytes(field: number): Buffer {
    const value = this.#fields.get(field)?.at(-1);
    return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
  }

  text(field: number): string {
    return this.bytes(field).toString("utf8");
  }

  texts(field: number): readonly string[] {
    return (this.#fields.get(field) ?? []).filter(Buffer.isBuffer).map((value) => value.toString("utf8"));
  }

  blobs(field: number): readonly Buffer[] {
    return (this.#fields.get(field) ?? []).filter(Buffer.isBuffer);
  }

  big(field: number): bigint {
    const value = this.#fields.get(field)?.at(-1);
    return typeof value === "bigint" ? BigInt.asIntN(64, value) : 0n;
  }

  number(field: number): number {
    return Number(this.big(field));
  }

  flag(field: number): boolean {
    return this.big(field) !== 0n;
  }

  message(field: number): ProtoMessage {
    return new ProtoMessage(this.bytes(field));
  }

  messages(field: number): readonly ProtoMessage[] {
    return (this.#fields.get(field) ?? []).filter(Buffer.isBuffer).map((value) => new ProtoMessage(value));
  }

  /** A `map<string, string>`. */
  map(field: number): Readonly<Record<string, string>> {
    return Object.fromEntries(this.messages(field).map((entry) => [entry.text(1), entry.text(2)]));
  }
}

function readVarint(buffer: Buffer, cursor: { at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = buffer[cursor.at];
    if (byte === undefined) throw new RangeError("a message ends in the middle of a number");
    cursor.at += 1;
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw new RangeError("a message has a number that never ends");
}

function readValue(buffer: Buffer, cursor: { at: number }, wireType: number): Field {
  switch (wireType) {
    case VARINT:
      return readVarint(buffer, cursor);
    case BYTES:
      return take(buffer, cursor, Number(readVarint(buffer, cursor)));
    case FIXED64:
      return take(buffer, cursor, 8).readBigUInt64LE();
    case FIXED32:
      return BigInt(take(buffer, cursor, 4).readUInt32LE());
    default:
      throw new RangeError(`a message has a field of the unknown type ${wireType}`);
  }
}

function take(buffer: Buffer, cursor: { at: number }, length: number): Buffer {
  const end = cursor.at + length;
  if (end > buffer.length) throw new RangeError("a message ends in the middle of a field");
  const bytes = buffer.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

/** Writes a message field by field; zero values are left out, as proto3 has it. */
export class ProtoWriter {
  readonly #parts: Uint8Array[] = [];

  text(field: number, value: string | undefined): this {
    return value ? this.#raw(field, Buffer.from(value)) : this;
  }

  texts(field: number, values: readonly string[]): this {
    for (const value of values) this.#raw(field, Buffer.from(value));
    return this;
  }

  bytes(field: number, value: Uint8Array | undefined): this {
    return value !== undefined && value.length > 0 ? this.#raw(field, value) : this;
  }

  number(field: number, value: number | bigint | undefined): this {
    if (!value) return this;
    this.#parts.push(varint(BigInt(field << 3)), varint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }

  flag(field: number, value: boolean | undefined): this {
    return this.number(field, value === true ? 1 : 0);
  }

  /** Written even when it is empty: its presence says something. */
  message(field: number, value: ProtoWriter | undefined): this {
    return value === undefined ? this : this.#raw(field, value.finish());
  }

  messages(field: number, values: readonly ProtoWriter[]): this {
    for (const value of values) this.message(field, value);
    return this;
  }

  map(field: number, record: Readonly<Record<string, string>>): this {
    for (const [key, value] of Object.entries(record))
      this.message(field, new ProtoWriter().text(1, key).text(2, value));
    return this;
  }

  /** `google.protobuf.Timestamp`. */
  time(field: number, value: Date | undefined): this {
    if (value === undefined) return this;
    const ms = value.getTime();
    const seconds = Math.floor(ms / 1000);
    return this.message(
      field,
      new ProtoWriter().number(1, seconds).number(2, Math.round((ms - seconds * 1000) * 1e6)),
    );
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #raw(field: number, value: Uint8Array): this {
    this.#parts.push(varint(BigInt((field << 3) | BYTES)), varint(BigInt(value.length)), value);
    return this;
  }
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
