import type { IncomingHttpHeaders } from "node:http";
import type { Duplex, Readable } from "node:stream";
import type { WireObject } from "../runtime/docker-api/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";

/** An answer that is written bit by bit. */
export interface ResponseStream {
  /** Resolves when more may be written; at once when the client has gone. */
  write(chunk: string | Uint8Array): Promise<void>;
  end(): void;
}

/** One request, as a route sees it. */
export interface Call {
  readonly runtime: ContainerRuntime;
  readonly method: string;
  /** Without the version prefix. */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  /** The y of the API version 1.y that the client speaks. */
  readonly apiMinor: number;
  /** The client is ours: answers may carry what Docker has no word for. */
  readonly isExtended: boolean;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  readonly body: Readable;
  /** The body as a JSON object; an empty body is `invalid`, or an empty object where it `isOptional`. */
  readJson(options?: { readonly isOptional?: boolean }): Promise<WireObject>;
  /** Sends the head at once. */
  openStream(head: {
    readonly contentType: string;
    readonly headers?: Readonly<Record<string, string>>;
  }): ResponseStream;
  /** Only in a route that `takesOver`. Sends 101, or 200 to a client that did not ask for an upgrade. */
  takeOver(contentType: string, options?: { readonly protocol?: string }): Duplex;
  /** Only in a route that `takesOver`. Its handshake done, a WebSocket as bytes; `invalid` where none is asked for. */
  takeOverWebSocket(options: { readonly binary: boolean }): Promise<Duplex>;
  readonly wantsUpgrade: boolean;
}

/** A parameter of the path; the router has seen to it that it is there. */
export function param(call: Call, name: string): string {
  return call.params[name] ?? "";
}
