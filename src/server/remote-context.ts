import { Readable } from "node:stream";
import { gitTar, isGitAddress } from "../lib/git-checkout.ts";
import { openWeb, UnsafeRedirect } from "../lib/open-web.ts";
import { RuntimeError } from "../runtime/index.ts";
import { TAR_END } from "./buildkit/tar-header.ts";

const HEAD_BYTES = 512;
const MAX_DOCKERFILE_BYTES = 4 * 1024 * 1024;

export interface RemoteFiles {
  /** A tar. */
  readonly context: Readable;
  readonly dockerfileText?: string;
}

/** Whether a context lies somewhere else: a repository, or something to download. */
export function isRemote(address: string): boolean {
  return isGitAddress(address) || /^https?:\/\//.test(address);
}

/** A repository's files, or what lies at a web address: an archive, or a Dockerfile alone. */
export async function openRemote(
  address: string,
  options: { readonly signal?: AbortSignal | undefined; readonly keepsGitDir?: boolean } = {},
): Promise<RemoteFiles> {
  if (!isGitAddress(address)) return download(address, options.signal);
  try {
    return { context: await gitTar(address, options) };
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw new RuntimeError("unavailable", "Cannot check out the repository", { cause });
  }
}

async function download(url: string, signal: AbortSignal | undefined): Promise<RemoteFiles> {
  const body = await openDownload(url, signal);
  const head = await readHead(body);
  const whole = Readable.from(rejoined(head, body), { objectMode: false });
  if (isArchive(head)) return { context: whole };
  return { context: Readable.from([TAR_END]), dockerfileText: await dockerfileOf(whole, url) };
}

/** What lies at a web address: see `openWeb`. `forbidden` when a redirect is not followed. */
export async function openDownload(url: string, signal: AbortSignal | undefined): Promise<Readable> {
  const response = await openWeb(url, signal).catch((error: Error) => {
    signal?.throwIfAborted();
    if (error instanceof UnsafeRedirect)
      throw new RuntimeError("forbidden", `Cannot download "${url}": ${error.message}`);
    throw new RuntimeError("unavailable", `Cannot download "${url}"`, { cause: error });
  });
  if (response.statusCode === 200) return response;
  response.destroy();
  throw new RuntimeError(
    "unavailable",
    `Cannot download "${url}": the server answered ${response.statusCode}`,
  );
}

async function readHead(body: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body.iterator({ destroyOnReturn: false })) {
    parts.push(part);
    size += part.length;
    if (size >= HEAD_BYTES) break;
  }
  return Buffer.concat(parts);
}

async function* rejoined(head: Buffer, rest: Readable): AsyncGenerator<Buffer> {
  yield head;
  if (!rest.readableEnded) yield* rest;
}

const MAGIC = ["1f8b08", "425a68", "fd377a585a00", "28b52ffd"];

/** By its first bytes: gzip, bzip2, xz, zstd, or a tar's name for itself. */
function isArchive(head: Buffer): boolean {
  const start = head.subarray(0, 6).toString("hex");
  return MAGIC.some((magic) => start.startsWith(magic)) || head.subarray(257, 262).toString() === "ustar";
}

async function dockerfileOf(body: Readable, url: string): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of body) {
    size += part.length;
    if (size > MAX_DOCKERFILE_BYTES)
      throw new RuntimeError(
        "invalid",
        `Cannot build from "${url}": it is neither an archive nor a Dockerfile`,
      );
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
