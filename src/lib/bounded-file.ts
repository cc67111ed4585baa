import { closeSync, constants, open as openDescriptor, openSync } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { promisify } from "node:util";

/** How long a named pipe may be without anybody who writes to it. */
const WRITER_MS = 5000;
const CHUNK_BYTES = 1 << 16;

/**
 * The beginning of a file, `maxBytes` and one more at most: who gets that one knows it is too long. So neither a huge
 * file nor a device without end fills memory. A pipe is read to its end; one that nobody writes to is an error.
 * Rejects as `readFile` does.
 */
export async function readAtMost(path: string, maxBytes: number): Promise<Buffer> {
  if ((await stat(path)).isFIFO()) return readPipe(await openPipe(path), maxBytes);
  const file = await open(path);
  try {
    return await readFrom(file, maxBytes);
  } finally {
    await file.close();
  }
}

/**
 * As `readAtMost`, of what must be an ordinary file no longer than that: nothing else is opened for long, nothing is
 * waited for. For a daemon, which reads what others name.
 */
export async function readOrdinaryFile(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await file.stat()).isFile()) throw new Error(`Cannot read ${path}: it is no file`);
    const bytes = await readFrom(file, maxBytes);
    if (bytes.length > maxBytes) throw new Error(`Cannot read ${path}: it is larger than ${maxBytes} bytes`);
    return bytes;
  } finally {
    await file.close();
  }
}

async function readFrom(file: FileHandle, maxBytes: number): Promise<Buffer> {
  const { size } = await file.stat();
  const chunks: Buffer[] = [];
  for (let length = 0; length <= maxBytes; ) {
    // What says it is empty (devices, /proc) may still have content.
    const wanted = Math.min(maxBytes + 1 - length, Math.max(size - length + 1, CHUNK_BYTES));
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, null);
    if (bytesRead === 0) break;
    chunks.push(buffer.subarray(0, bytesRead));
    length += bytesRead;
  }
  return Buffer.concat(chunks);
}

/** Opening waits for a writer: after a while one of ours lets it go on, and nothing comes of it. */
async function openPipe(path: string): Promise<number> {
  let isAlone = false;
  const timer = setTimeout(() => {
    isAlone = true;
    closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK));
  }, WRITER_MS);
  const fd = await promisify(openDescriptor)(path, "r").finally(() => clearTimeout(timer));
  if (!isAlone) return fd;
  closeSync(fd);
  throw new Error("it is a pipe that nobody writes to");
}

/** Takes over the descriptor. */
async function readPipe(fd: number, maxBytes: number): Promise<Buffer> {
  const socket = new Socket({ fd, readable: true, writable: false });
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > maxBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, maxBytes + 1);
}
