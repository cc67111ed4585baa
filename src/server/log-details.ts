const NEWLINE = 10;

/** Whole lines, each with `details` before it. */
export function withDetails(lines: Uint8Array, details: Buffer): Buffer {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < lines.length; ) {
    const newline = lines.indexOf(NEWLINE, start);
    const end = newline < 0 ? lines.length : newline + 1;
    parts.push(details, lines.subarray(start, end));
    start = end;
  }
  return Buffer.concat(parts);
}
