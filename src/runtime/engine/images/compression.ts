import { createReadStream, existsSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import { RuntimeError } from "../../index.ts";
import { isBrokenPipe, startTool, TOOL_PATH, type Tool } from "../rootfs/index.ts";

export type Compression = "none" | "gzip" | "zstd" | "xz" | "bzip2";

const MAGIC: readonly { readonly compression: Compression; readonly bytes: readonly number[] }[] = [
  { compression: "gzip", bytes: [0x1f, 0x8b, 0x08] },
  { compression: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { compression: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { compression: "bzip2", bytes: [0x42, 0x5a, 0x68] },
];

/** How many bytes from the start `compressionOf` wants to see. */
export const MAGIC_BYTES = 6;

export function compressionOf(start: Uint8Array): Compression {
  const found = MAGIC.find(({ bytes }) => bytes.every((byte, index) => start[index] === byte));
  return found?.compression ?? "none";
}

/** The archive says how much its reading takes; this is what the programs' own highest levels need. */
const MEMORY_MEBIBYTES = 128;

const DECOMPRESSORS: Readonly<Record<Exclude<Compression, "none">, readonly (readonly string[])[]>> = {
  gzip: [["igzip", "--decompress", "--stdout"]],
  zstd: [["zstd", "--decompress", "--stdout", "--quiet", `--memory=${MEMORY_MEBIBYTES}MB`]],
  xz: [["xz", "--decompress", "--stdout", `--memlimit=${MEMORY_MEBIBYTES}MiB`]],
  bzip2: [["bzip2", "--decompress", "--stdout"]],
};

const COMPRESSOR = ["igzip", "--stdout", "--no-name", "-1"] as const;

/** Decompressed, by a program of its own where the machine has one. Errors surface in the result. */
export function decompress(source: Readable, compression: Compression, signal?: AbortSignal): Readable {
  if (compression === "none") return source;
  const command = installedDecompressor(compression);
  if (command !== undefined)
    return throughTool(source, command, `Cannot decompress ${compression} data`, signal);
  if (compression !== "gzip")
    throw new RuntimeError(
      "unsupported",
      `Cannot decompress ${compression} data: no ${compression} program is installed`,
    );
  return through(source, createGunzip({ chunkSize: 1 << 18 }));
}

function installedDecompressor(compression: Exclude<Compression, "none">): readonly string[] | undefined {
  return DECOMPRESSORS[compression].find(([program = ""]) => isInstalled(program));
}

/** A file, decompressed by a program that reads it itself: its bytes do not pass through this process. */
export async function decompressedFile(path: string, signal?: AbortSignal): Promise<Readable> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(MAGIC_BYTES);
    await file.read(start, 0, MAGIC_BYTES, 0);
    const compression = compressionOf(start);
    const command = compression === "none" ? undefined : installedDecompressor(compression);
    if (command === undefined)
      return decompress(createReadStream(path, { highWaterMark: 1 << 16 }), compression, signal);
    const tool = startTool(command, { signal, inputFd: file.fd });
    return gated(tool, Promise.resolve(), `Cannot decompress ${compression} data`);
  } finally {
    await file.close();
  }
}

export function compressGzip(source: Readable, signal?: AbortSignal): Readable {
  if (isInstalled(COMPRESSOR[0])) return throughTool(source, COMPRESSOR, "Cannot compress", signal);
  return through(source, createGzip({ level: 1, chunkSize: 1 << 18 }));
}

/** What goes wrong in the source is an error of the result. */
function through(source: Readable, transform: Transform): Transform {
  pipeline(source, transform).catch(() => {});
  return transform;
}

function throughTool(
  source: Readable,
  command: readonly string[],
  doing: string,
  signal: AbortSignal | undefined,
): Readable {
  const tool = startTool(command, { signal });
  const gate = gated(tool, pipeline(source, tool.stdin), doing);
  gate.once("close", () => source.destroy());
  return gate;
}

/** A program's output, which only counts when its input and the program itself ended well. */
function gated(tool: Tool, fed: Promise<void>, doing: string): Transform {
  fed.catch(() => {});
  const gate = new Transform({
    transform: (chunk, _encoding, done) => done(null, chunk),
    flush: async (done) => {
      const [input, program] = await Promise.allSettled([fed, tool.ended]);
      if (input.status === "rejected" && !isBrokenPipe(input.reason)) done(input.reason);
      else if (program.status === "rejected")
        done(new RuntimeError("invalid", doing, { cause: program.reason }));
      else done(input.status === "rejected" ? input.reason : null);
    },
  });
  pipeline(tool.stdout, gate).catch(() => tool.stop());
  return gate;
}

const installed = new Map<string, boolean>();

function isInstalled(program: string): boolean {
  const known = installed.get(program);
  if (known !== undefined) return known;
  const isThere = TOOL_PATH.split(":").some((folder) => existsSync(join(folder, program)));
  installed.set(program, isThere);
  return isThere;
}

/** Looks at the first bytes to see how it is compressed. `invalid` when there are none. */
export async function decompressed(source: Readable, signal?: AbortSignal): Promise<Readable> {
  const { start, whole } = await peek(source, MAGIC_BYTES);
  if (start.length === 0) throw new RuntimeError("invalid", "Cannot read archive: it is empty");
  return decompress(whole, compressionOf(start), signal);
}

/** The first bytes of a stream (fewer when it ends before), and a stream that still has them. */
export async function peek(
  source: Readable,
  bytes: number,
): Promise<{ readonly start: Buffer; readonly whole: Readable }> {
  const iterator: AsyncIterator<Buffer> = source[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  for (let length = 0; length < bytes; ) {
    const next = await iterator.next();
    if (next.done === true) break;
    chunks.push(next.value);
    length += next.value.length;
  }
  const rest = { [Symbol.asyncIterator]: () => iterator };
  async function* all(): AsyncGenerator<Buffer> {
    yield* chunks;
    yield* rest;
  }
  return {
    start: Buffer.concat(chunks),
    whole: Readable.from(all(), { objectMode: false, highWaterMark: 1 << 16 }),
  };
}
