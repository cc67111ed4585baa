import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Duplex } from "node:stream";
import { RuntimeError } from "../../runtime/index.ts";
import { GRPC, GrpcError, grpcFrame, grpcMessages } from "./grpc-frames.ts";
import { ProtoMessage, type ProtoWriter } from "./proto.ts";

export type Metadata = Readonly<Record<string, string | readonly string[]>>;

/** Messages both ways, at the same time. */
export interface GrpcStream {
  /** Ends with the other side; throws what went wrong there. */
  readonly messages: AsyncIterable<ProtoMessage>;
  send(message: ProtoWriter): Promise<void>;
  end(): void;
  close(): void;
}

/** A gRPC client on a connection that the other side has opened. */
export class GrpcClient {
  readonly #session: ClientHttp2Session;
  readonly closed: Promise<void>;

  constructor(socket: Duplex) {
    this.#session = connect("http://session", {
      createConnection: () => socket,
      settings: { initialWindowSize: 2 ** 20, enablePush: false },
    });
    this.#session.on("error", () => this.#session.destroy());
    this.closed = new Promise((resolve) => {
      this.#session.on("close", () => resolve());
    });
  }

  get isOpen(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  async call(path: string, message: ProtoWriter, metadata: Metadata = {}): Promise<ProtoMessage> {
    const stream = this.open(path, metadata);
    await stream.send(message);
    stream.end();
    let answer = new ProtoMessage();
    for await (const received of stream.messages) answer = received;
    return answer;
  }

  open(path: string, metadata: Metadata = {}): GrpcStream {
    if (!this.isOpen) throw new RuntimeError("unavailable", "The client's session has ended");
    const stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": "stowage",
      ...Object.fromEntries(Object.entries(metadata).map(([key, value]) => [key, mutable(value)])),
    });
    const status = statusOf(stream);
    stream.on("error", () => undefined);
    return {
      messages: received(stream, status),
      send: (message) =>
        new Promise((resolve) => {
          if (stream.destroyed || stream.writableEnded) resolve();
          else stream.write(grpcFrame(message.finish()), () => resolve());
        }),
      end: () => stream.end(),
      close: () => stream.close(),
    };
  }

  close(): void {
    this.#session.destroy();
  }
}

function mutable(value: string | readonly string[]): string | string[] {
  return typeof value === "string" ? value : [...value];
}

interface Status {
  readonly code: number;
  readonly message: string;
}

function statusOf(stream: ClientHttp2Stream): Promise<Status> {
  return new Promise((resolve) => {
    const read = (headers: Readonly<Record<string, unknown>>): void => {
      const code = headers["grpc-status"];
      if (code === undefined) return;
      resolve({ code: Number(code), message: decode(String(headers["grpc-message"] ?? "")) });
    };
    stream.on("response", read);
    stream.on("trailers", read);
    stream.on("close", () => resolve({ code: GRPC.unavailable, message: "the session was cut" }));
  });
}

async function* received(stream: ClientHttp2Stream, status: Promise<Status>): AsyncGenerator<ProtoMessage> {
  try {
    for await (const message of grpcMessages(stream)) yield new ProtoMessage(message);
  } catch (error) {
    if (error instanceof RangeError) throw error;
  }
  const { code, message } = await status;
  if (code !== GRPC.ok) throw new GrpcError(code, message);
}

function decode(message: string): string {
  try {
    return decodeURIComponent(message);
  } catch {
    return message;
  }
}
