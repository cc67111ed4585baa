import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { API_VERSION, ERROR_HEADER, errorHeaderOf, statusOf } from "../runtime/docker-api/index.ts";
import { type ContainerRuntime, RuntimeError } from "../runtime/index.ts";
import { splitVersion } from "./api-version.ts";
import { Exchange, responseOver } from "./exchange.ts";
import { hijackableRequest } from "./hijackable-request.ts";
import { listenOnSocket, listenOnTcp, type TcpOptions } from "./listen.ts";
import { json, messageOf, type Reply, SENT, StatusError, text } from "./reply.ts";
import { createRouter, type Match, type Route } from "./router.ts";
import { dockerRoutes } from "./routes/index.ts";
import { refusalOf } from "./tcp-guard.ts";

const HEADER_LIMIT_BYTES = 64 * 1024;
const SLOW_HEADER_MS = 30_000;
const MAX_CONNECTIONS = 10_000;
const READ_OUT_MS = 5_000;

export interface ApiServerOptions {
  readonly runtime: ContainerRuntime;
  /** Routes of the host's own, under `/stowage/`, without version prefix. They come first. */
  readonly extraRoutes?: readonly Route[];
  /** Named in the `Server` header. */
  readonly version?: string;
  /** What no client is to blame for, to be logged. */
  readonly onFault?: (error: unknown, request: { readonly method: string; readonly path: string }) => void;
}

export interface ApiServer {
  /** `conflict` when another server answers there; a socket nobody answers on is replaced. */
  listenOnSocket(path: string, options?: { readonly group?: string }): Promise<void>;
  /** Resolves to the port. */
  listenOnTcp(options: TcpOptions): Promise<number>;
  /** No new connections; those that are open are cut. */
  close(): Promise<void>;
}

/** The Docker Engine HTTP API over a runtime. */
export function createApiServer(options: ApiServerOptions): ApiServer {
  const router = createRouter([...(options.extraRoutes ?? []), ...dockerRoutes(options.runtime)]);
  const standardHeaders = {
    "Api-Version": API_VERSION,
    "Docker-Experimental": "false",
    Ostype: "linux",
    Server: `Stowage/${options.version ?? "0"} (linux)`,
  };
  const connections = new Set<Duplex>();
  const servers: Server[] = [];

  function open(tcp?: TcpOptions): Server {
    const serverOptions = {
      IncomingMessage: hijackableRequest((request) => find(request)?.match?.route.takesOver === true),
      maxHeaderSize: HEADER_LIMIT_BYTES,
      headersTimeout: SLOW_HEADER_MS,
      // Uploads take as long as they take; a JSON body has its own clock.
      requestTimeout: 0,
      connectionsCheckingInterval: SLOW_HEADER_MS,
      keepAliveTimeout: 0,
      noDelay: true,
    };
    const server =
      tcp?.tls === undefined
        ? createHttpServer(serverOptions)
        : createHttpsServer({
            ...serverOptions,
            ...tcp.tls,
            requestCert: true,
            rejectUnauthorized: true,
            // The end of a client's input is not the end of the answer; without TLS that is Node's default.
            allowHalfOpen: true,
          });
    server.maxConnections = MAX_CONNECTIONS;
    server.on("connection", (socket: Duplex) => {
      connections.add(socket);
      socket.on("close", () => connections.delete(socket));
    });
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      void serve(request, response, undefined, tcp);
    });
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      socket.on("error", () => socket.destroy());
      if (head.length > 0) socket.unshift(head);
      void serve(request, responseOver(request, socket), socket, tcp);
    });
    servers.push(server);
    return server;
  }

  function find(request: IncomingMessage): Target | undefined {
    const [rawPath = "/", rawQuery = ""] = splitOnce(request.url ?? "/", "?");
    const versioned = splitVersion(rawPath.startsWith("/") ? rawPath : "/");
    if ("refusal" in versioned) return { refusal: versioned.refusal };
    const match = router(request.method ?? "GET", versioned.path);
    return match && { match, ...versioned, query: new URLSearchParams(rawQuery) };
  }

  async function serve(
    request: IncomingMessage,
    response: ServerResponse,
    socket: Duplex | undefined,
    tcp: TcpOptions | undefined,
  ): Promise<void> {
    response.on("error", () => undefined);
    const refusal = tcp === undefined ? undefined : refusalOf(request, tcp);
    if (refusal !== undefined) return finish(response, refusal, standardHeaders);
    const target = find(request);
    if (target === undefined)
      return finish(response, json({ message: "page not found" }, 404), standardHeaders);
    if (target.refusal !== undefined) return finish(response, target.refusal, standardHeaders);
    if (socket === undefined) response.once("finish", () => readOut(request));
    const exchange = new Exchange({
      runtime: options.runtime,
      request,
      response,
      ...(socket === undefined ? {} : { socket }),
      ...target,
      standardHeaders,
    });
    try {
      const reply = await target.match.route.handle(exchange);
      if (reply !== SENT) finish(response, reply, standardHeaders);
      else if (!exchange.isTakenOver) response.end();
    } catch (error) {
      if (!(error instanceof RuntimeError))
        options.onFault?.(error, { method: exchange.method, path: exchange.path });
      if (exchange.isTakenOver) socket?.destroy();
      else if (response.headersSent) response.destroy();
      else finish(response, errorReply(error, target.match.route), standardHeaders);
    }
  }

  return {
    async listenOnSocket(path, { group } = {}) {
      await listenOnSocket(open(), path, group);
    },
    async listenOnTcp(tcp) {
      return listenOnTcp(open(tcp), tcp);
    },
    async close() {
      const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
      for (const connection of connections) connection.destroy();
      await Promise.all(closed);
    },
  };
}

type Target =
  | {
      readonly match: Match;
      readonly path: string;
      readonly apiMinor: number;
      readonly query: URLSearchParams;
      readonly refusal?: undefined;
    }
  | { readonly refusal: Reply; readonly match?: undefined };

function splitOnce(value: string, separator: string): readonly string[] {
  const at = value.indexOf(separator);
  return at < 0 ? [value] : [value.slice(0, at), value.slice(at + 1)];
}

function errorReply(error: unknown, route: Route): Reply {
  const status = error instanceof StatusError ? error.status : statusOf(error);
  const message = messageOf(error);
  if (route.hasPlainErrors === true)
    return {
      ...text(`${message}\n`, status),
      headers: { "content-type": "application/vnd.docker.raw-stream" },
    };
  return json(
    { message },
    status,
    error instanceof RuntimeError ? { [ERROR_HEADER]: errorHeaderOf(error) } : {},
  );
}

/** A connection that is closed with bytes unread is reset, and the answer lost with it: they are read for a while. */
function readOut(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => request.destroy(), READ_OUT_MS);
  for (const end of ["end", "close"]) request.once(end, () => clearTimeout(timer));
}

function finish(
  response: ServerResponse,
  reply: Reply,
  standardHeaders: Readonly<Record<string, string>>,
): void {
  if (response.headersSent) return;
  const { status, body } = reply;
  const length = Buffer.byteLength(body);
  const hasBody = status !== 204 && status !== 304;
  response.writeHead(status, {
    ...standardHeaders,
    ...(hasBody ? { "content-length": String(length) } : {}),
    ...reply.headers,
  });
  response.end(hasBody && response.req.method !== "HEAD" ? body : undefined);
}
