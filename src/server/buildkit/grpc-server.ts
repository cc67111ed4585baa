import {
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from "node:http2";
import type { Duplex } from "node:stream";
import { messageOf } from "../reply.ts";
import { encodeGrpcMessage, GRPC, GrpcError, grpcFrame, grpcMessages } from "./grpc-frames.ts";
import { ProtoMessage, ProtoWriter } from "./proto.ts";

export interface GrpcCall {
  readonly request: ProtoMessage;
  readonly metadata: IncomingHttpHeaders;
  /** Aborts when the client has gone or has cancelled. */
  readonly signal: AbortSignal;
}

/** Yields one message for a plain call, any number for a streaming one. */
export type GrpcMethod = (call: GrpcCall) => AsyncIterable<ProtoWriter>;

/** By path: `/moby.buildkit.v1.Control/Solve`. */
export type GrpcMethods = Readonly<Record<string, GrpcMethod>>;

/** Serves gRPC on a connection whose HTTP/1 conversation is over. Resolves at its end. */
export function serveGrpc(socket: Duplex, methods: GrpcMethods): Promise<void> {
  return new Promise((resolve) => {
    const session = performServerHandshake(socket, {
      settings: { initialWindowSize: 2 ** 20 },
      maxSendHeaderBlockLength: MAX_HEADER_BYTES,
    });
    session.on("error", () => session.destroy());
    session.on("close", () => resolve());
    session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on("error", () => undefined);
      void answer(stream, headers, methods);
    });
  });
}

async function answer(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  methods: GrpcMethods,
): Promise<void> {
  const path = headers[":path"] ?? "";
  const method = methods[path];
  const lifetime = new AbortController();
  stream.on("close", () => lifetime.abort());
  try {
    if (method === undefined) throw new GrpcError(GRPC.unimplemented, `unknown method ${path}`);
    const request = await firstMessage(stream);
    for await (const message of method({ request, metadata: headers, signal: lifetime.signal })) {
      if (!stream.headersSent) begin(stream);
      if (!stream.write(grpcFrame(message.finish()))) await drained(stream);
      if (stream.destroyed) return;
    }
    finish(stream, { "grpc-status": String(GRPC.ok) });
  } catch (error) {
    finish(stream, statusOf(error));
  }
}

async function firstMessage(stream: ServerHttp2Stream): Promise<ProtoMessage> {
  for await (const message of grpcMessages(stream.iterator({ destroyOnReturn: false })))
    return new ProtoMessage(message);
  return new ProtoMessage();
}

/** An error may bring the whole Dockerfile along. */
const MAX_HEADER_BYTES = 2 ** 20;
const HEAD = { [constants.HTTP2_HEADER_STATUS]: 200, "content-type": "application/grpc" };

function begin(stream: ServerHttp2Stream): void {
  stream.respond(HEAD, { waitForTrailers: true });
}

function statusOf(error: unknown): OutgoingHttpHeaders {
  const code = error instanceof GrpcError ? error.code : GRPC.unknown;
  const details = error instanceof GrpcError ? error.details : [];
  const message = messageOf(error);
  const status = { "grpc-status": String(code), "grpc-message": encodeGrpcMessage(message) };
  if (details.length === 0) return status;
  const whole = details.reduce(
    (writer, detail) => writer.bytes(3, detail),
    new ProtoWriter().number(1, code).text(2, message),
  );
  return { ...status, "grpc-status-details-bin": whole.finish().toString("base64") };
}

function finish(stream: ServerHttp2Stream, trailers: OutgoingHttpHeaders): void {
  if (stream.destroyed || stream.closed) return;
  if (!stream.headersSent) {
    stream.respond({ ...HEAD, ...trailers }, { endStream: true });
    return;
  }
  stream.once("wantTrailers", () => stream.sendTrailers(trailers));
  stream.end();
}

function drained(stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}
