import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import type { Duplex, Readable } from "node:stream";
import { withExtraCertificates } from "../../lib/extra-certificates.ts";
import { ERROR_HEADER, EXTENSION_HEADER, errorFromWire, WireObject } from "../docker-api/index.ts";
import { RuntimeError } from "../index.ts";
import type { EngineAddress } from "./find-engine.ts";
import { sshStream } from "./ssh-stream.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface CallOptions {
  readonly query?: Query;
  readonly json?: unknown;
  readonly body?: Readable;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Statuses besides 2xx that are no errors. */
  readonly accepts?: readonly number[];
}

/** A connection that has become a stream: bytes in, bytes out. */
export interface Hijacked {
  readonly output: Readable;
  readonly input: Duplex;
  readonly contentType: string;
}

/** HTTP to one engine, over a unix socket, TCP with or without TLS, or ssh. Every rejection is a `RuntimeError`. */
export class Connection {
  readonly address: EngineAddress;
  readonly #agent: HttpAgent;
  readonly #base: RequestOptions;
  readonly #send: typeof httpRequest;
  readonly #hostHeader: string;

  constructor(address: EngineAddress) {
    this.address = address;
    const { agent, base, send, hostHeader = "docker" } = transportOf(address);
    this.#agent = agent;
    this.#base = base;
    this.#send = send;
    this.#hostHeader = hostHeader;
  }

  /** The answer's head; its body is the caller's to read. */
  async open(method: string, path: string, options: CallOptions = {}): Promise<IncomingMessage> {
    const response = await this.#respond(method, path, options, true);
    const status = response.statusCode ?? 0;
    if ((status >= 200 && status < 300) || options.accepts?.includes(status) === true) return response;
    throw await this.#errorOf(response, status);
  }

  async status(method: string, path: string, options: CallOptions = {}): Promise<number> {
    const response = await this.open(method, path, options);
    await textOf(response);
    return response.statusCode ?? 0;
  }

  async json(method: string, path: string, options: CallOptions = {}): Promise<unknown> {
    const response = await this.open(method, path, options);
    const text = await textOf(response);
    try {
      return text.trim() === "" ? undefined : JSON.parse(text);
    } catch (error) {
      throw new RuntimeError("internal", `Cannot understand the engine's answer to ${method} ${path}`, {
        cause: error,
      });
    }
  }

  async object(method: string, path: string, options: CallOptions = {}): Promise<WireObject> {
    return new WireObject(await this.json(method, path, options));
  }

  async hijack(path: string, options: CallOptions = {}): Promise<Hijacked> {
    const request = this.#start("POST", path, {
      ...options,
      headers: { ...options.headers, connection: "Upgrade", upgrade: "tcp" },
    });
    return new Promise((resolve, reject) => {
      request.once("upgrade", (response: IncomingMessage, socket: Duplex, head: Buffer) => {
        if (head.length > 0) socket.unshift(head);
        resolve({ output: socket, input: socket, contentType: contentTypeOf(response) });
      });
      request.once("response", (response) => {
        const status = response.statusCode ?? 0;
        if (status !== 200) this.#errorOf(response, status).then(reject, reject);
        else resolve({ output: response, input: response.socket, contentType: contentTypeOf(response) });
      });
      request.once("error", (error) => reject(this.#failure(error, options.signal)));
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #start(method: string, path: string, options: CallOptions): ClientRequest {
    const { query, json, body, headers, signal } = options;
    const payload = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const request = this.#send({
      ...this.#base,
      agent: this.#agent,
      method,
      path: path + queryText(query),
      headers: {
        host: this.#hostHeader,
        [EXTENSION_HEADER]: "1",
        ...(payload === undefined
          ? {}
          : { "content-type": "application/json", "content-length": String(payload.length) }),
        ...(payload === undefined && body === undefined && method === "POST"
          ? { "content-length": "0" }
          : {}),
        ...headers,
      },
      ...(signal === undefined ? {} : { signal }),
    });
    request.setNoDelay(true);
    if (body === undefined) request.end(payload);
    else {
      body.once("error", (error) => request.destroy(error));
      body.pipe(request);
    }
    return request;
  }

  /** One more try where a connection kept open turned out to be closed: nothing had been answered on it. */
  #respond(method: string, path: string, options: CallOptions, mayRetry: boolean): Promise<IncomingMessage> {
    const request = this.#start(method, path, options);
    return new Promise((resolve, reject) => {
      request.once("response", (response) => {
        // Whoever reads the body sees its failure; nobody reads it for the sake of an unheard error.
        response.on("error", () => undefined);
        resolve(response);
      });
      request.once("error", (error: NodeJS.ErrnoException) => {
        const isStale = request.reusedSocket && (error.code === "ECONNRESET" || error.code === "EPIPE");
        if (isStale && mayRetry && options.body === undefined)
          this.#respond(method, path, options, false).then(resolve, reject);
        else reject(this.#failure(error, options.signal));
      });
    });
  }

  #failure(error: NodeJS.ErrnoException, signal: AbortSignal | undefined): RuntimeError {
    if (signal?.aborted === true)
      return new RuntimeError("cancelled", "The call was cancelled", { cause: error });
    if (error instanceof RuntimeError) return error;
    const { host } = this.address;
    const reason = REASONS[error.code ?? ""] ?? error.message;
    return new RuntimeError("unavailable", `Cannot reach the engine at ${host}: ${reason}`, { cause: error });
  }

  async #errorOf(response: IncomingMessage, status: number): Promise<RuntimeError> {
    const text = await textOf(response).catch(() => "");
    const header = response.headers[ERROR_HEADER];
    return errorFromWire(status, messageIn(text), typeof header === "string" ? header : undefined);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "no such socket",
  ECONNREFUSED: "nobody answers there",
  EACCES: "this user may not use it",
  ECONNRESET: "the connection was cut",
  ENOTFOUND: "no such host",
};

/** Else one is looked for in the Host header, by expressions that cost 3 ms to compile. */
const NO_SERVER_NAME = { servername: "" };

function transportOf(address: EngineAddress): {
  readonly agent: HttpAgent;
  readonly base: RequestOptions;
  readonly send: typeof httpRequest;
  /** Where the engine has a name: TLS holds it against the certificate. */
  readonly hostHeader?: string;
} {
  const agentOptions = { keepAlive: true, maxFreeSockets: 32 };
  const { host, tls } = address;
  if (host.startsWith("unix://"))
    return {
      agent: new HttpAgent(agentOptions),
      base: { socketPath: host.slice("unix://".length), ...NO_SERVER_NAME },
      send: httpRequest,
    };
  const url = parseUrl(host);
  if (url.protocol === "ssh:") {
    const agent = new HttpAgent(agentOptions);
    Object.assign(agent, { createConnection: () => sshStream(url, hostOf(url)) });
    return { agent, base: {}, send: httpRequest };
  }
  const isSecure = tls !== undefined || url.protocol === "https:";
  const base = { host: hostOf(url), port: url.port || (isSecure ? 2376 : 2375) };
  if (!isSecure) return { agent: new HttpAgent(agentOptions), base, send: httpRequest, hostHeader: url.host };
  const { isVerified = true, ...certificates } = tls ?? {};
  // TLS costs a third of a command's start: only where it is spoken.
  const https = process.getBuiltinModule("node:https");
  return {
    agent: new https.Agent({
      ...agentOptions,
      ...withExtraCertificates(certificates),
      rejectUnauthorized: isVerified,
    }),
    base,
    send: https.request,
    hostHeader: url.host,
  };
}

function parseUrl(host: string): URL {
  const url = URL.canParse(host) ? new URL(host.replace(/^tcp:/, "http:")) : undefined;
  if (url !== undefined && ["http:", "https:", "ssh:"].includes(url.protocol)) return url;
  throw new RuntimeError(
    "invalid",
    `Cannot use "${host}" as an engine's address: it starts with none of unix://, tcp://, http://, https://, ssh://`,
  );
}

/** As a resolver and ssh take it: an IPv6 address without its brackets. */
function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

function queryText(query: Query | undefined): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value === undefined) continue;
    if (typeof value === "boolean") parameters.append(name, value ? "1" : "0");
    else if (typeof value === "object") for (const item of value) parameters.append(name, item);
    else parameters.append(name, String(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

export function contentTypeOf(response: IncomingMessage): string {
  return response.headers["content-type"] ?? "";
}

export async function textOf(response: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

function messageIn(text: string): string {
  try {
    const message = new WireObject(JSON.parse(text)).text("message");
    return message ?? text.trim();
  } catch {
    return text.trim();
  }
}
