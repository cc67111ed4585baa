import type { IncomingHttpHeaders } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { WireObject } from "../runtime/docker-api/index.ts";
import { RuntimeError } from "../runtime/index.ts";
import { invalid } from "./reply.ts";

const JSON_LIMIT_BYTES = 16 * 1024 * 1024;
const STALL_MS = 30_000;

/** Reads and parses a JSON body, with limits on size and patience. */
export async function readJsonBody(
  body: Readable,
  headers: IncomingHttpHeaders,
  isOptional: boolean,
): Promise<WireObject> {
  const text = await readText(body);
  if (text.trim() === "") {
    if (isOptional) return new WireObject({});
    throw invalid("invalid JSON: got EOF while reading request body");
  }
  checkContentType(headers["content-type"]);
  return new WireObject(parse(text));
}

function checkContentType(header: string | undefined): void {
  if (header === undefined) return;
  const type = (header.split(";")[0] ?? "").trim().toLowerCase();
  if (type === "" || type === "application/json") return;
  throw invalid(`unsupported Content-Type header (${type}): must be 'application/json'`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`invalid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(
    () => body.destroy(new RuntimeError("timeout", "Cannot read the request: its body stalled")),
    STALL_MS,
  );
  try {
    for await (const chunk of body) {
      timer.refresh();
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > JSON_LIMIT_BYTES) throw invalid("Cannot read the request: its body is over 16 MiB");
      chunks.push(bytes);
    }
  } finally {
    clearTimeout(timer);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * The body of a request whose connection is ours already: by its length, or chunked. What follows the body
 * stays in `socket`, for whoever takes the connection over.
 */
export function rawBody(socket: Duplex, headers: IncomingHttpHeaders): Readable {
  if (/\bchunked\b/i.test(headers["transfer-encoding"] ?? "")) return Readable.from(chunkedBody(socket));
  const length = Number(headers["content-length"] ?? 0);
  return Readable.from(lengthBody(socket, length));
}

async function* lengthBody(socket: Duplex, length: number): AsyncGenerator<Buffer> {
  let left = length;
  while (left > 0) {
    const bytes = await take(socket);
    if (bytes === undefined) throw invalid("Cannot read the request: it ended early");
    if (bytes.length > left) socket.unshift(bytes.subarray(left));
    yield bytes.subarray(0, left);
    left -= Math.min(left, bytes.length);
  }
}

async function* chunkedBody(socket: Duplex): AsyncGenerator<Buffer> {
  for (;;) {
    const size = Number.parseInt(await takeLine(socket), 16);
    if (!Number.isInteger(size) || size < 0) throw invalid("Cannot read the request: a chunk has no size");
    if (size > 0) yield* lengthBody(socket, size);
    const separator = await takeLine(socket);
    if (size === 0) {
      // Trailers, if any, end with an empty line.
      for (let line = separator; line !== ""; line = await takeLine(socket));
      return;
    }
  }
}

async function takeLine(socket: Duplex): Promise<string> {
  let line = Buffer.alloc(0);
  for (;;) {
    const bytes = await take(socket);
    if (bytes === undefined || line.length > 4096)
      throw invalid("Cannot read the request: a chunk is malformed");
    line = Buffer.concat([line, bytes]);
    const end = line.indexOf("\n");
    if (end < 0) continue;
    if (end + 1 < line.length) socket.unshift(line.subarray(end + 1));
    return line.subarray(0, end).toString("latin1").trimEnd();
  }
}

/** The next bytes; undefined at the end. */
function take(socket: Duplex): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const done = (bytes: Buffer | undefined): void => {
      socket.off("readable", onReadable);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      socket.off("error", reject);
      resolve(bytes);
    };
    const onEnd = (): void => done(undefined);
    const onReadable = (): void => {
      const bytes: Buffer | null = socket.read();
      if (bytes !== null) done(bytes);
    };
    socket.on("readable", onReadable);
    socket.on("end", onEnd);
    socket.on("close", onEnd);
    socket.on("error", reject);
    onReadable();
  });
}
