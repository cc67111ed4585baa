import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type MemoryRuntime, openMemoryRuntime } from "../../src/runtime/memory/index.ts";
import { type ApiServer, type ApiServerOptions, createApiServer } from "../../src/server/index.ts";

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
}

/** A server over containers in memory, and ways to talk to it. */
export class ServerBench {
  readonly runtime: MemoryRuntime;
  readonly server: ApiServer;
  readonly socketPath: string;
  readonly #dir = mkdtempSync(join(tmpdir(), "stowage-server-"));

  constructor(options: Partial<ApiServerOptions> = {}) {
    this.runtime = openMemoryRuntime({
      images: { "busybox:latest": { files: { "/etc/motd": "ahoy\n" } } },
      registry: (reference) => (reference.includes("nosuch") ? undefined : {}),
    });
    this.server = createApiServer({ runtime: this.runtime, version: "1.2.3", ...options });
    this.socketPath = join(this.#dir, "api.sock");
  }

  async open(): Promise<void> {
    await this.server.listenOnSocket(this.socketPath);
  }

  async close(): Promise<void> {
    await this.server.close();
    await this.runtime.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  call(
    method: string,
    path: string,
    options: {
      readonly json?: unknown;
      readonly body?: string;
      readonly headers?: Record<string, string>;
    } = {},
  ): Promise<Answer> {
    const body = options.json === undefined ? options.body : JSON.stringify(options.json);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.socketPath,
          method,
          path,
          agent: false,
          headers: {
            ...(options.json === undefined ? {} : { "content-type": "application/json" }),
            ...options.headers,
          },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
          );
          response.on("error", reject);
        },
      );
      sent.on("error", reject);
      sent.end(body);
    });
  }

  async create(body: Record<string, unknown>): Promise<string> {
    const { text } = await this.call("POST", "/containers/create", { json: { Image: "busybox", ...body } });
    return JSON.parse(text).Id;
  }

  async run(body: Record<string, unknown>): Promise<string> {
    const id = await this.create(body);
    await this.call("POST", `/containers/${id}/start`);
    return id;
  }

  raw(head: string): RawConnection {
    return new RawConnection(connect({ path: this.socketPath, allowHalfOpen: true }), head);
  }
}

/** Bytes on a socket, for what HTTP clients do not show. */
export class RawConnection {
  readonly socket: Socket;
  readonly ended: Promise<void>;
  #received = Buffer.alloc(0);

  constructor(socket: Socket, head: string) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      socket.emit("received");
    });
    this.ended = new Promise((resolve) => {
      socket.once("end", () => resolve());
      socket.once("close", () => resolve());
    });
    socket.write(head.replaceAll("\n", "\r\n"));
  }

  get text(): string {
    return this.#received.toString("latin1");
  }

  /** Resolves to all that has come once it holds `part`. */
  async until(part: string): Promise<string> {
    while (!this.text.includes(part))
      await new Promise<void>((resolve) => this.socket.once("received", () => resolve()));
    return this.text;
  }
}
