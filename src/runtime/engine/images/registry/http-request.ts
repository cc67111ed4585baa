import { addAbortListener } from "node:events";
import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { withExtraCertificates } from "../../../../lib/extra-certificates.ts";
import { RuntimeError } from "../../../index.ts";
import { connectionTimeout, proxyAuthorization, proxyFor, TunnelAgent } from "./proxy.ts";

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH";
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: { readonly stream: Readable; readonly bytes: number } | Buffer;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly url: URL;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** To be read or destroyed. */
  readonly body: IncomingMessage;
}

export interface TlsOptions {
  readonly rejectUnauthorized?: boolean;
  /** Of our own, each with its key at the same place of `key`. */
  readonly cert?: string[];
  readonly key?: string[];
}

/** Nothing comes for so long: the other side is taken for gone. */
const STALL_MS = 30_000;
/** A registry may work long on an upload before it answers. */
const UPLOAD_PATIENCE = 10;

interface Route {
  readonly to: URL;
  readonly agent: HttpAgent;
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One exchange after another over kept connections. No redirects, no retries, no credentials of its own. */
export class HttpConnections {
  readonly #http = new HttpAgent({ keepAlive: true, maxSockets: 8 });
  readonly #https: HttpsAgent;
  /** By the proxy's URL. */
  readonly #tunnels = new Map<string, TunnelAgent>();
  readonly #tls: TlsOptions;
  readonly #stallMs: number;

  /** `trusted`: certificates of authorities, beside those that everybody trusts. */
  constructor(tls: TlsOptions, trusted: readonly string[], stallMs = STALL_MS) {
    this.#tls = withExtraCertificates(tls, trusted);
    this.#https = new HttpsAgent({ keepAlive: true, maxSockets: 8, ...this.#tls });
    this.#stallMs = stallMs;
  }

  /** `unavailable` when no answer came; any status is an answer. */
  request(request: HttpRequest): Promise<HttpResponse> {
    const { url, method, body, signal } = request;
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => reject(asUnavailable(request, cause));
      const route = this.#route(url);
      const isTls = url.protocol === "https:";
      const send = isTls ? httpsRequest : httpRequest;
      const outgoing = send(route.to, {
        method,
        agent: route.agent,
        ...(route.path === undefined ? {} : { path: route.path }),
        headers: { "user-agent": "stowage", ...route.headers, ...request.headers, ...lengthOf(body) },
        ...(signal === undefined ? {} : { signal }),
      });
      const stallMs = method === "PUT" ? this.#stallMs * UPLOAD_PATIENCE : this.#stallMs;
      outgoing.setTimeout(stallMs, () =>
        outgoing.destroy(new RuntimeError("timeout", `nothing came for ${stallMs / 1000} s`)),
      );
      outgoing.once("socket", (socket) => this.#limitConnecting(socket, isTls));
      outgoing.once("error", fail);
      outgoing.once("response", (message) =>
        resolve({ url, status: message.statusCode ?? 0, headers: message.headers, body: message }),
      );
      // A request that has no socket yet says nothing of its own end.
      const listening = signal === undefined ? undefined : addAbortListener(signal, fail);
      outgoing.once("close", () => listening?.[Symbol.dispose]());
      if (body === undefined || Buffer.isBuffer(body)) outgoing.end(body);
      else pipeline(body.stream, outgoing).catch(fail);
    });
  }

  /** A socket's own timeout does not count while it connects. */
  #limitConnecting(socket: Socket, isTls: boolean): void {
    if (!socket.connecting) return;
    const timer = setTimeout(() => socket.destroy(connectionTimeout(this.#stallMs)), this.#stallMs);
    for (const end of [isTls ? "secureConnect" : "connect", "close"])
      socket.once(end, () => clearTimeout(timer));
  }

  /** Straight there, or by the proxy that the environment names. */
  #route(url: URL): Route {
    const isTls = url.protocol === "https:";
    const proxy = proxyFor(url, process.env);
    if (proxy === undefined) return { to: url, agent: isTls ? this.#https : this.#http, headers: {} };
    if (!isTls)
      return {
        to: proxy,
        agent: this.#http,
        path: url.href,
        headers: { host: url.host, ...proxyAuthorization(proxy) },
      };
    const tunnel = this.#tunnels.get(proxy.href) ?? new TunnelAgent(proxy, this.#tls, this.#stallMs);
    this.#tunnels.set(proxy.href, tunnel);
    return { to: url, agent: tunnel, headers: {} };
  }

  close(): void {
    this.#http.destroy();
    this.#https.destroy();
    for (const tunnel of this.#tunnels.values()) tunnel.destroy();
  }
}

function lengthOf(body: HttpRequest["body"]): Readonly<Record<string, string>> {
  if (body === undefined) return {};
  return { "content-length": String(Buffer.isBuffer(body) ? body.length : body.bytes) };
}

function asUnavailable({ method, url, signal }: HttpRequest, cause: unknown): unknown {
  if (signal?.aborted === true) return cancelled(signal);
  return new RuntimeError("unavailable", `Cannot ${method} ${safeUrl(url)}`, { cause });
}

export function cancelled(signal: AbortSignal): RuntimeError {
  return new RuntimeError("cancelled", "The transfer was cancelled", { cause: signal.reason });
}

/** For messages: signed URLs of storage services carry secrets in their query. */
export function safeUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

/** The whole body, of at most `maxBytes`. */
export async function bodyOf(response: HttpResponse, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body) {
      bytes += chunk.length;
      if (bytes > maxBytes)
        throw new RuntimeError(
          "invalid",
          `Cannot read ${safeUrl(response.url)}: it is longer than ${maxBytes} bytes`,
        );
      chunks.push(chunk);
    }
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    throw new RuntimeError("unavailable", `Cannot read ${safeUrl(response.url)}`, { cause });
  }
  return Buffer.concat(chunks);
}

/** Throws the body away, so that the connection can be used again. */
export function discard(response: HttpResponse): void {
  response.body.resume();
}
