import { RuntimeError } from "../../../index.ts";
import { TAR_BLOCK } from "./tar-entry.ts";

/** Bytes up to the first NUL, one character each. */
export function textField(block: Buffer, offset: number, length: number): string {
  const end = block.indexOf(0, offset);
  const limit = offset + length;
  return block.toString("latin1", offset, end === -1 || end > limit ? limit : end);
}

/** Octal text, or GNU's base 256 when the first bit is set. */
export function numberField(block: Buffer, offset: number, length: number): number {
  const first = block[offset] ?? 0;
  if (first & 0x80) return base256(block.subarray(offset, offset + length));
  const text = block.toString("latin1", offset, offset + length).replace(/^[ \0]+|[ \0].*$/gs, "");
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text))
    throw new RuntimeError("invalid", "Invalid tar archive: a header holds a number that is none");
  return Number.parseInt(text, 8);
}

function base256(field: Buffer): number {
  const isNegative = field[0] === 0xff;
  let value = BigInt(isNegative ? -1 : (field[0] ?? 0) & 0x7f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  return Number(value);
}

export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

/** Sum of all bytes with the checksum's own field taken as blanks; some writers added signed bytes. */
export function verifyChecksum(block: Buffer): void {
  let unsigned = 0;
  let signed = 0;
  for (let index = 0; index < TAR_BLOCK; index++) {
    const byte = index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const stated = numberField(block, 148, 8);
  if (stated !== unsigned && stated !== signed)
    throw new RuntimeError("invalid", "Invalid tar archive: the checksum of a header is wrong");
}

export function putNumber(block: Buffer, offset: number, length: number, value: number): void {
  const octal = value.toString(8);
  if (value >= 0 && octal.length < length) {
    block.write(octal.padStart(length - 1, "0"), offset, "latin1");
    return;
  }
  let rest = BigInt(value);
  for (let index = length - 1; index > 0; index--) {
    block[offset + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  block[offset] = value < 0 ? 0xff : 0x80;
}

export function putChecksum(block: Buffer): void {
  block.write("        ", 148, "latin1");
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
