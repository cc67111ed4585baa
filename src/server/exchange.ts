import { type IncomingMessage, ServerResponse } from "node:http";
import type { Duplex, Readable } from "node:stream";
import { Bug } from "../lib/bug.ts";
import { EXTENSION_HEADER } from "../runtime/docker-api/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";
import type { Call, ResponseStream } from "./call.ts";
import { rawBody, readJsonBody, requestBody } from "./read-body.ts";
import type { Match } from "./router.ts";
import { acceptWebSocket, WebSocketStream } from "./web-socket.ts";

export interface ExchangeOptions {
  readonly runtime: ContainerRuntime;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The raw connection, for a route that takes it over. */
  readonly socket?: Duplex;
  readonly match: Match;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly apiMinor: number;
  /** What every answer carries. */
  readonly standardHeaders: Readonly<Record<string, string>>;
}

/** One request and its answer, over Node's two classes. */
export class Exchange implements Call {
  readonly runtime: ContainerRuntime;
  readonly method: string;
  readonly path: string;
  readonly params: Call["params"];
  readonly query: URLSearchParams;
  readonly headers: Call["headers"];
  readonly apiMinor: number;
  readonly isExtended: boolean;
  readonly wantsUpgrade: boolean;
  readonly #options: ExchangeOptions;
  readonly #abort = new AbortController();
  #body: Readable | undefined;
  #isTakenOver = false;

  constructor(options: ExchangeOptions) {
    const { request, response, socket } = options;
    this.#options = options;
    this.runtime = options.runtime;
    this.method = request.method ?? "GET";
    this.path = options.path;
    this.params = options.match.params;
    this.query = options.query;
    this.headers = request.headers;
    this.apiMinor = options.apiMinor;
    this.isExtended = request.headers[EXTENSION_HEADER] !== undefined;
    this.wantsUpgrade = request.headers.upgrade !== undefined;
    (socket ?? response).once("close", () => this.#abort.abort());
  }

  get body(): Readable {
    const { request, socket } = this.#options;
    this.#body ??= socket === undefined ? requestBody(request) : rawBody(socket, request.headers);
    return this.#body;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** The answer is no longer ours to write. */
  get isTakenOver(): boolean {
    return this.#isTakenOver;
  }

  readJson(options: { readonly isOptional?: boolean } = {}): ReturnType<Call["readJson"]> {
    return readJsonBody(this.body, this.headers, options);
  }

  openStream(head: Parameters<Call["openStream"]>[0]): ResponseStream {
    const { response, standardHeaders } = this.#options;
    response.writeHead(200, { ...standardHeaders, "content-type": head.contentType, ...head.headers });
    response.flushHeaders();
    return {
      write: (chunk) => writeTo(response, chunk),
      end: () => response.end(),
    };
  }

  async takeOverWebSocket(options: { readonly binary: boolean }): Promise<Duplex> {
    const webSocket = await acceptWebSocket(this.#options.request, this.#rawSocket());
    this.#letGo();
    return new WebSocketStream(webSocket, options);
  }

  takeOver(contentType: string, options: { readonly protocol?: string } = {}): Duplex {
    const { standardHeaders } = this.#options;
    const socket = this.#letGo();
    const isDockerStream = options.protocol === undefined;
    const lines = this.wantsUpgrade
      ? [
          "HTTP/1.1 101 UPGRADED",
          ...(isDockerStream ? [`Content-Type: ${contentType}`] : []),
          "Connection: Upgrade",
          `Upgrade: ${options.protocol ?? "tcp"}`,
          `Api-Version: ${standardHeaders["Api-Version"] ?? ""}`,
        ]
      : ["HTTP/1.1 200 OK", `Content-Type: ${contentType}`];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    return socket;
  }

  #letGo(): Duplex {
    const socket = this.#rawSocket();
    this.#isTakenOver = true;
    this.#options.response.detachSocket(socket as Parameters<ServerResponse["detachSocket"]>[0]);
    return socket;
  }

  #rawSocket(): Duplex {
    const { socket } = this.#options;
    if (socket === undefined) throw new Bug(`The route of ${this.path} does not take connections over`);
    return socket;
  }
}

/** A response over a connection that Node's parser has let go of. */
export function responseOver(request: IncomingMessage, socket: Duplex): ServerResponse {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
  response.once("finish", () => {
    if (response.socket === null) return;
    response.detachSocket(response.socket);
    socket.end();
    socket.resume();
  });
  return response;
}

function writeTo(response: ServerResponse, chunk: string | Uint8Array): Promise<void> {
  if (response.destroyed || response.writableEnded || response.write(chunk)) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}
