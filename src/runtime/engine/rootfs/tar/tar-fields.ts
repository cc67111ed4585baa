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
  return plainOctal(block, offset, length) ?? looseOctal(block, offset, length);
}

/** Digits, then a blank or NUL, as nearly every writer has them; undefined for anything else. */
function plainOctal(block: Buffer, offset: number, length: number): number | undefined {
  let value = 0;
  for (let index = 0; index < length; index++) {
    const digit = (block[offset + index] ?? 0) - 0x30;
    if (digit >= 0 && digit < 8) value = value * 8 + digit;
    else return index > 0 && (digit === -0x30 || digit === -0x10) ? value : undefined;
  }
  return value;
}

function looseOctal(block: Buffer, offset: number, length: number): number {
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
  const stated = numberField(block, 148, 8);
  const unsigned = sumOf(block);
  if (stated === unsigned) return;
  let over = 0;
  for (const [index, byte] of block.entries()) if (byte > 127 && !isChecksum(index)) over++;
  if (stated !== unsigned - 256 * over)
    throw new RuntimeError("invalid", "Invalid tar archive: the checksum of a header is wrong");
}

const CHECKSUM_BLANKS = 8 * 0x20;

function isChecksum(index: number): boolean {
  return index >= 148 && index < 156;
}

function sumOf(block: Buffer): number {
  let sum = CHECKSUM_BLANKS;
  for (let index = 0; index < 148; index++) sum += block[index] ?? 0;
  for (let index = 156; index < TAR_BLOCK; index++) sum += block[index] ?? 0;
  return sum;
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
  block.write(`${sumOf(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
