import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { type Duplex, Readable } from "node:stream";
import { WireObject } from "../runtime/docker-api/index.ts";
import { RuntimeError } from "../runtime/index.ts";
import { invalid } from "./reply.ts";

const JSON_LIMIT_BYTES = 16 * 1024 * 1024;
const STALL_MS = 30_000;

/** Reads and parses a JSON body, with limits on size and patience: `timeout` when nothing comes for `stallMs`. */
export async function readJsonBody(
  body: Readable,
  headers: IncomingHttpHeaders,
  {
    isOptional = false,
    stallMs = STALL_MS,
  }: { readonly isOptional?: boolean; readonly stallMs?: number } = {},
): Promise<WireObject> {
  const text = await readText(body, stallMs);
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

async function readText(body: Readable, stallMs: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const timer = setTimeout(
    () => body.destroy(new RuntimeError("timeout", "Cannot read the request: its body stalled")),
    stallMs,
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

/** The body of a request. Whoever destroys it leaves the connection to the answer, unlike the request's own end. */
export function requestBody(request: IncomingMessage): Readable {
  const onData = (chunk: Buffer): void => {
    if (!body.push(chunk)) request.pause();
  };
  const body = new Readable({
    highWaterMark: 1 << 16,
    read() {
      if (!request.listeners("data").includes(onData)) request.on("data", onData);
      request.resume();
    },
    destroy(error, done) {
      request.off("data", onData).pause();
      done(error);
    },
  });
  request.once("end", () => body.push(null));
  request.on("error", (error) => body.destroy(error));
  return body;
}

/**
 * The body of a request whose connection is ours already: by its length, or chunked. What follows the body
 * stays in `socket`, for whoever takes the connection over.
 */
export function rawBody(socket: Duplex, headers: IncomingHttpHeaders): Readable {
  const given = new AbortController();
  const source: Source = { socket, givenUp: given.signal };
  const isChunked = /\bchunked\b/i.test(headers["transfer-encoding"] ?? "");
  const pieces = isChunked ? chunkedBody(source) : lengthBody(source, Number(headers["content-length"] ?? 0));
  return new Readable({
    read() {
      pieces.next().then(
        ({ value }) => this.push(value ?? null),
        (error) => this.destroy(error),
      );
    },
    // Not the generator's own end, which would come after the piece that it waits for.
    destroy(error, done) {
      given.abort();
      done(error);
    },
  });
}

interface Source {
  readonly socket: Duplex;
  /** Nobody waits for the body any more. */
  readonly givenUp: AbortSignal;
}

async function* lengthBody(source: Source, length: number): AsyncGenerator<Buffer> {
  let left = length;
  while (left > 0) {
    const bytes = await take(source);
    if (bytes === undefined) throw invalid("Cannot read the request: it ended early");
    if (bytes.length > left) source.socket.unshift(bytes.subarray(left));
    yield bytes.subarray(0, left);
    left -= Math.min(left, bytes.length);
  }
}

async function* chunkedBody(source: Source): AsyncGenerator<Buffer> {
  for (;;) {
    const size = Number.parseInt(await takeLine(source), 16);
    if (!Number.isInteger(size) || size < 0) throw invalid("Cannot read the request: a chunk has no size");
    if (size > 0) yield* lengthBody(source, size);
    const separator = await takeLine(source);
    if (size === 0) {
      // Trailers, if any, end with an empty line.
      for (let line = separator; line !== ""; line = await takeLine(source));
      return;
    }
  }
}

async function takeLine(source: Source): Promise<string> {
  let line = Buffer.alloc(0);
  for (;;) {
    const bytes = await take(source);
    if (bytes === undefined || line.length > 4096)
      throw invalid("Cannot read the request: a chunk is malformed");
    line = Buffer.concat([line, bytes]);
    const end = line.indexOf("\n");
    if (end < 0) continue;
    if (end + 1 < line.length) source.socket.unshift(line.subarray(end + 1));
    return line.subarray(0, end).toString("latin1").trimEnd();
  }
}

/** The next bytes; undefined at the end, or when nobody waits for them. */
function take({ socket, givenUp }: Source): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const done = (bytes: Buffer | undefined): void => {
      socket.off("readable", onReadable);
      socket.off("end", onEnd);
      socket.off("close", onEnd);
      socket.off("error", reject);
      givenUp.removeEventListener("abort", onEnd);
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
    givenUp.addEventListener("abort", onEnd);
    onReadable();
  });
}
