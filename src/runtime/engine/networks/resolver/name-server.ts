import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from "node:dgram";
import { createServer, type Server, type Socket } from "node:net";
import { type DecodedPacket, decode, encode } from "dns-packet";
import type { SandboxRecord } from "../sandbox-record.ts";
import { answerFrom, asTruncated, encodeWithin, respond } from "./answer.ts";
import { framed, MessageReader } from "./exchange.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Names } from "./names.ts";

const PLAIN_UDP_BYTES = 512;
/** Of a message over a stream. */
const MOST_BYTES = 0xffff;
const SERVER_FAILURE = 2;
const IDLE_MS = 30_000;
const MOST_CONNECTIONS = 128;
/** Of answers that a client does not take; until it does, nothing more is read from it. */
const MOST_UNREAD_BYTES = 64 * 1024;

export interface NameServerOptions {
  readonly udpFd: number;
  readonly tcpFd: number;
  /** As it is when a query comes. */
  asker(): SandboxRecord;
  names(): Names;
  readonly forwarder: Forwarder;
}

/** Answers one container, over both transports. */
export class NameServer {
  readonly #options: NameServerOptions;
  readonly #udp: DatagramSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();

  constructor(options: NameServerOptions) {
    this.#options = options;
    this.#udp = createSocket("udp4");
    this.#udp.on("message", (query, from) => void this.#answerDatagram(query, from));
    this.#udp.on("error", () => undefined);
    this.#udp.bind({ fd: options.udpFd });
    this.#tcp = createServer((connection) => this.#serve(connection));
    this.#tcp.maxConnections = MOST_CONNECTIONS;
    this.#tcp.on("error", () => undefined);
    this.#tcp.listen({ fd: options.tcpFd });
  }

  close(): void {
    this.#udp.close();
    this.#tcp.close();
    for (const connection of this.#connections) connection.destroy();
  }

  async #answerDatagram(message: Buffer, from: RemoteInfo): Promise<void> {
    const query = decoded(message);
    if (query === undefined) return;
    const sent = await this.#answer(message, query, "udp");
    // The socket may have been closed while the query was forwarded.
    try {
      this.#udp.send(sent, from.port, from.address, () => undefined);
    } catch {
      return;
    }
  }

  #serve(connection: Socket): void {
    this.#connections.add(connection);
    connection.on("close", () => this.#connections.delete(connection));
    connection.on("error", () => connection.destroy());
    connection.setTimeout(IDLE_MS, () => connection.destroy());
    const messages = new MessageReader((message) => {
      const query = decoded(message);
      if (query === undefined) connection.destroy();
      else
        void this.#answer(message, query, "tcp").then((answer) => {
          if (connection.destroyed) return;
          connection.write(framed(answer));
          if (connection.writableLength > MOST_UNREAD_BYTES) connection.pause();
        });
    });
    connection.on("drain", () => connection.resume());
    connection.on("data", (chunk) => messages.push(chunk));
  }

  async #answer(message: Buffer, query: DecodedPacket, kind: "udp" | "tcp"): Promise<Buffer> {
    const asker = this.#options.asker();
    const own = answerFrom(this.#options.names(), asker, query);
    const limitBytes = kind === "udp" ? datagramLimit(query) : MOST_BYTES;
    if (own !== undefined) return encodeWithin(own, limitBytes);
    const forwarded = await this.#options.forwarder.forward(asker, message, kind);
    if (forwarded === undefined) return encode(respond(query, [], SERVER_FAILURE));
    return forwarded.length > limitBytes ? truncated(query) : forwarded;
  }
}

/** Undefined for what is no query: never answered, so that two servers cannot keep each other busy. */
function decoded(message: Buffer): DecodedPacket | undefined {
  if (!isQuery(message)) return undefined;
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

const HEADER_BYTES = 12;
const RESPONSE = 0x8000;
/** EDNS, and a signature. */
const MOST_ADDITIONALS = 2;

/**
 * By its header, before anything is made of it: a message of 12 bytes that promises 65 535 questions takes the decoder
 * a fifth of a second.
 */
function isQuery(message: Buffer): boolean {
  if (message.length < HEADER_BYTES || (message.readUInt16BE(2) & RESPONSE) !== 0) return false;
  const [questions, answers, authorities, additionals] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  return questions === 1 && answers === 0 && authorities === 0 && (additionals ?? 0) <= MOST_ADDITIONALS;
}

function datagramLimit(query: DecodedPacket): number {
  for (const additional of query.additionals ?? [])
    if (additional.type === "OPT") return Math.max(PLAIN_UDP_BYTES, additional.udpPayloadSize);
  return PLAIN_UDP_BYTES;
}

/** An empty answer that says: ask again over a stream. */
function truncated(query: DecodedPacket): Buffer {
  return encode(asTruncated(respond(query, [])));
}
