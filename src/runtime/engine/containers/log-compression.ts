import { createReadStream, createWriteStream, constants as flags, type Stats } from "node:fs";
import { type FileHandle, open, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";

export const COMPRESSED = ".gz";

/** Linux' own; Node names only the folder's bit of it. */
const O_TMPFILE = 0o20000000 | flags.O_DIRECTORY;

/** Two times of one file: what `utimes` sets is rounded. */
const SAME_TIME_MS = 0.5;

/**
 * Compresses a rotated file that nobody writes into any more: `<path>.gz` takes its place. Its time stays, by which
 * who is still reading it finds what follows (`isCompressedFrom`). Done again after a crash in the middle.
 */
export async function compressLog(path: string): Promise<void> {
  const partial = `${path}${COMPRESSED}.partial`;
  const { atimeMs, mtimeMs } = await stat(path);
  await pipeline(createReadStream(path), createGzip(), createWriteStream(partial, { mode: 0o640 }));
  await utimes(partial, atimeMs / 1000, mtimeMs / 1000);
  await rename(partial, `${path}${COMPRESSED}`);
  await rm(path);
}

/**
 * A log's file, or what it was before it was compressed: then a copy that ends with the handle. Undefined when it is no
 * more, under neither name.
 */
export async function openLogFile(path: string): Promise<FileHandle | undefined> {
  const plain = path.endsWith(COMPRESSED) ? path.slice(0, -COMPRESSED.length) : path;
  const file = await open(plain, "r").catch(() => undefined);
  if (file !== undefined) return file;
  // Compressed, perhaps since it was listed.
  const packed = await open(`${plain}${COMPRESSED}`, "r").catch(() => undefined);
  return packed && unpacked(packed, dirname(path));
}

/** What a compressed file was, as a copy that ends with the handle. Closes `packed`. */
export async function unpacked(packed: FileHandle, folder: string): Promise<FileHandle> {
  let copy: FileHandle | undefined;
  try {
    const target = await open(folder, O_TMPFILE | flags.O_RDWR, 0o600);
    copy = target;
    const { atimeMs, mtimeMs } = await packed.stat();
    // Closes `packed`, whatever happens.
    await pipeline(packed.createReadStream(), createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await target.appendFile(chunk);
    });
    await target.utimes(atimeMs / 1000, mtimeMs / 1000);
    return target;
  } catch (error) {
    await copy?.close();
    await packed.close();
    throw error;
  }
}

/** Whether a file may be what became of another that is there no more under its own number. */
export function isCompressedFrom(packed: Stats, plain: Stats): boolean {
  return Math.abs(packed.mtimeMs - plain.mtimeMs) < SAME_TIME_MS;
}
