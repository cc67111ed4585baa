import { createReadStream } from "node:fs";
import { compressionOf, decompress, MAGIC_BYTES, peek } from "../images/index.ts";
import { TAR_BLOCK, verifyChecksum } from "../rootfs/index.ts";

/** Whether ADD unpacks a file: a tar, plain or compressed, told by its content rather than its name. */
export async function isArchive(path: string): Promise<boolean> {
  const file = createReadStream(path);
  try {
    const { start, whole } = await peek(file, TAR_BLOCK);
    const compression = compressionOf(start.subarray(0, MAGIC_BYTES));
    if (compression === "none") return isTarHeader(start);
    const inner = await peek(decompress(whole, compression), TAR_BLOCK);
    inner.whole.destroy();
    return isTarHeader(inner.start);
  } catch {
    return false;
  } finally {
    file.destroy();
  }
}

function isTarHeader(start: Buffer): boolean {
  if (start.length < TAR_BLOCK || start.subarray(0, TAR_BLOCK).every((byte) => byte === 0)) return false;
  try {
    verifyChecksum(start.subarray(0, TAR_BLOCK));
    return true;
  } catch {
    return false;
  }
}
