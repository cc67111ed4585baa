import { realpath, stat } from "node:fs/promises";
import { readAtMost } from "../lib/bounded-file.ts";
import { type Disk, MAX_FILE_SIZE } from "../spec/index.ts";
import type { Input } from "./io.ts";

/** The machine's files, as the loader of Compose files reads them, and those of repositories and registries, each fetched once. */
export function localDisk(
  stdin: () => Input,
  environment: Readonly<Record<string, string | undefined>>,
): Disk {
  const fetched = new Map<string, Promise<string>>();
  return {
    readFile: async (path) => {
      const bytes = await (path === "-" ? readAll(stdin()) : readAtMost(path, MAX_FILE_SIZE));
      if (bytes.length > LONG_FILE_BYTES) (await import("./optimize-late.ts")).optimizeLate();
      return bytes;
    },
    kindOf: async (path) => {
      const found = await stat(path).catch(() => undefined);
      if (found === undefined) return undefined;
      return found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
    },
    realPath: (path) => realpath(path).catch(() => path),
    fetchRemote: (address) => {
      const known = fetched.get(address);
      if (known !== undefined) return known;
      const path = import("./remote-file.ts").then((module) => module.fetchRemoteFile(address, environment));
      fetched.set(address, path);
      return path;
    },
  };
}

const LONG_FILE_BYTES = 50_000;

async function readAll(input: NodeJS.ReadableStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}
