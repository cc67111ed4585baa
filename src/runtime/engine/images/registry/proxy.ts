import { request as httpRequest } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { RuntimeError } from "../../../index.ts";
import { isLoopback } from "./endpoints.ts";
import type { TlsOptions } from "./http-request.ts";

/** The environment of whoever started us; names in lower case win, as with curl. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The proxy for a URL by HTTP_PROXY, HTTPS_PROXY and NO_PROXY; this machine itself is never asked for by proxy. */
export function proxyFor(url: URL, environment: Environment): URL | undefined {
  const named = (name: string) => environment[name.toLowerCase()] || environment[name];
  const text = named(url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY");
  if (text === undefined || isLoopback(url.hostname) || isExempt(url, named("NO_PROXY") ?? ""))
    return undefined;
  const full = text.includes("://") ? text : `http://${text}`;
  if (!URL.canParse(full) || !full.startsWith("http://"))
    throw new RuntimeError("invalid", "Cannot use the proxy of the environment: it is no http:// URL");
  return new URL(full);
}

function isExempt(url: URL, list: string): boolean {
  return list
    .split(",")
    .map((entry) =>
      entry
        .trim()
        .toLowerCase()
        .replace(/^\*?\./, ""),
    )
    .filter((entry) => entry !== "")
    .some(
      (entry) =>
        entry === "*" || entry === url.host || entry === url.hostname || url.hostname.endsWith(`.${entry}`),
    );
}

/** `user:password` of the proxy's own URL. */
export function proxyAuthorization(proxy: URL): Readonly<Record<string, string>> {
  if (proxy.username === "") return {};
  const pair = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}

/** Of a connection that does not come about; `code` as the kernel's own. */
export function connectionTimeout(ms: number): Error {
  return Object.assign(new Error(`no connection within ${ms / 1000} s`), { code: "ETIMEDOUT" });
}

type Connected = (error: Error | null, socket: Duplex) => void;

/** Speaks TLS to the registry through a tunnel of the proxy, which sees nothing but the name. */
export class TunnelAgent extends HttpsAgent {
  readonly #proxy: URL;
  readonly #tls: TlsOptions;
  readonly #patienceMs: number;
  /** Each ends a tunnel that is being opened. */
  readonly #opening = new Set<(error: Error) => void>();

  constructor(proxy: URL, tls: TlsOptions, patienceMs: number) {
    super({ keepAlive: true, maxSockets: 8, ...tls });
    this.#proxy = proxy;
    this.#tls = tls;
    this.#patienceMs = patienceMs;
  }

  override createConnection(
    options: { readonly host?: string; readonly port?: number },
    connected: Connected,
  ) {
    const host = options.host ?? "";
    const target = `${host}:${options.port ?? 443}`;
    const outgoing = httpRequest({
      host: this.#proxy.hostname,
      port: this.#proxy.port || 80,
      method: "CONNECT",
      path: target,
      headers: { host: target, ...proxyAuthorization(this.#proxy) },
    });
    let secure: TLSSocket | undefined;
    const end = (error: Error) => {
      if (!this.#opening.delete(end)) return;
      clearTimeout(timer);
      outgoing.destroy();
      secure?.destroy();
      connected(error, undefined as never);
    };
    const fail = (detail: string) =>
      end(new Error(`the proxy ${this.#proxy.host} does not connect to ${target}: ${detail}`));
    const timer = setTimeout(() => end(connectionTimeout(this.#patienceMs)), this.#patienceMs);
    this.#opening.add(end);
    outgoing.on("error", (error) => fail(error.message));
    outgoing.once("connect", (response, socket: Socket) => {
      if (response.statusCode !== 200) {
        socket.destroy();
        fail(`it answered ${response.statusCode}`);
        return;
      }
      const tunnel = tlsConnect({ socket, servername: host, ...this.#tls });
      secure = tunnel;
      tunnel.once("error", end);
      tunnel.once("secureConnect", () => {
        this.#opening.delete(end);
        clearTimeout(timer);
        connected(null, tunnel);
      });
    });
    outgoing.end();
    return undefined;
  }

  override destroy(): void {
    for (const end of this.#opening) end(new Error("the connections are closed"));
    super.destroy();
  }
}
