import type { IncomingMessage } from "node:http";
import { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { invalid } from "./reply.ts";

const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** Answers a WebSocket's handshake on a raw connection; `invalid` for a request that is none, with nothing sent. */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  return new Promise((resolve, reject) => {
    server.once("wsClientError", (error) => reject(invalid(error.message)));
    server.handleUpgrade(request, socket, Buffer.alloc(0), resolve);
  });
}

/** A WebSocket as the bytes of its messages: what is written goes out as one message each. */
export class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket;
  readonly #binary: boolean;

  constructor(webSocket: WebSocket, { binary }: { readonly binary: boolean }) {
    super();
    this.#webSocket = webSocket;
    this.#binary = binary;
    webSocket.on("message", (data: Buffer) => {
      if (!this.push(data)) webSocket.pause();
    });
    webSocket.on("error", () => undefined);
    webSocket.on("close", () => {
      this.push(null);
      this.destroy();
    });
  }

  override _read(): void {
    if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (this.#webSocket.readyState === WebSocket.OPEN)
      this.#webSocket.send(chunk, { binary: this.#binary }, done);
    else done();
  }

  override _final(done: () => void): void {
    this.#webSocket.close(1000);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#webSocket.terminate();
    done(error);
  }
}
