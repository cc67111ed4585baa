import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { utimes } from "node:fs/promises";
import { posix } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RuntimeError } from "../../index.ts";

const MAX_BYTES = 8 * 2 ** 30;
const MAX_REDIRECTS = 10;

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

/**
 * ADD of a URL, into a file. Only http and https are spoken, also after redirects, and no redirect leads from
 * the outside to this machine or its link's neighbours (cloud metadata). Resolves to the sha256 of the content.
 */
export async function download(url: string, path: string, signal: AbortSignal): Promise<string> {
  const response = await follow(new URL(url), signal);
  if (response.body === null)
    throw new RuntimeError("unavailable", `Cannot download ${url}: it has no content`);
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
  const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  await pipeline(body, meter, createWriteStream(path, { mode: 0o600 }), { signal });
  const modified = Date.parse(response.headers.get("last-modified") ?? "");
  if (!Number.isNaN(modified)) await utimes(path, modified / 1000, modified / 1000);
  return hash.digest("hex");
}

async function follow(start: URL, signal: AbortSignal): Promise<Response> {
  let url = start;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await request(url, signal);
    const location = response.headers.get("location");
    if (response.status < 300 || response.status >= 400 || location === null) {
      if (response.ok) return response;
      throw new RuntimeError(
        "unavailable",
        `Cannot download ${url.href}: the server answered ${response.status}`,
      );
    }
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : undefined;
    if (next === undefined || !isUrl(next.href) || (isInner(next) && !isInner(start)))
      throw new RuntimeError("forbidden", `Cannot download ${start.href}: it redirects to ${location}`);
    url = next;
  }
  throw new RuntimeError("unavailable", `Cannot download ${start.href}: too many redirects`);
}

async function request(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { redirect: "manual", signal });
  } catch (cause) {
    throw new RuntimeError("unavailable", `Cannot download ${url.href}`, { cause });
  }
}

function isInner({ hostname }: URL): boolean {
  return /^(?:localhost|127\..*|169\.254\..*|0\.0\.0\.0|\[::1?\]|\[fe80:.*\]|\[::ffff:.*\])$/i.test(hostname);
}
