import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { utimes } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { posix } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { openWeb, UnsafeRedirect } from "../../../lib/open-web.ts";
import { RuntimeError } from "../../index.ts";

const MAX_BYTES = 8 * 2 ** 30;

export function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/** The file name that a URL gives to what it names. */
export function urlFileName(text: string): string {
  const name = posix.basename(decodeURIComponent(new URL(text).pathname));
  if (name === "" || name === "/" || name === "." || name === ".." || name.includes("/"))
    throw new RuntimeError("invalid", `cannot determine filename from url: ${text}`);
  return name;
}

/** ADD of a URL, into a file: see `openWeb`. Resolves to the sha256 of the content. */
export async function download(url: string, path: string, signal: AbortSignal): Promise<string> {
  const response = await open(url, signal);
  const hash = createHash("sha256");
  let bytes = 0;
  const meter = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      bytes += chunk.length;
      hash.update(chunk);
      if (bytes > MAX_BYTES)
        done(new RuntimeError("exhausted", `Cannot download ${url}: it is longer than ${MAX_BYTES} bytes`));
      else done(null, chunk);
    },
  });
  await pipeline(response, meter, createWriteStream(path, { mode: 0o600 }), { signal });
  const modified = Date.parse(response.headers["last-modified"] ?? "");
  if (!Number.isNaN(modified)) await utimes(path, modified / 1000, modified / 1000);
  return hash.digest("hex");
}

async function open(url: string, signal: AbortSignal): Promise<IncomingMessage> {
  const response = await openWeb(url, signal).catch((error: Error) => {
    signal.throwIfAborted();
    if (error instanceof UnsafeRedirect)
      throw new RuntimeError("forbidden", `Cannot download ${url}: ${error.message}`);
    throw new RuntimeError("unavailable", `Cannot download ${url}`, { cause: error });
  });
  if (response.statusCode === 200) return response;
  response.destroy();
  throw new RuntimeError("unavailable", `Cannot download ${url}: the server answered ${response.statusCode}`);
}
