import { randomInt } from "node:crypto";
import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { Socket } from "node:net";

/** One query to one server, raw in and raw out. `fd`: a fresh socket of another namespace; it is consumed. */
export interface Exchange {
  readonly server: string;
  readonly query: Buffer;
  readonly fd?: number;
  readonly timeoutMs: number;
}

const DNS_PORT = 53;

/** A new socket each time: the kernel's random source port and a random id guard against forged answers. */
export function exchangeByUdp({ server, query, fd, timeoutMs }: Exchange): Promise<Buffer> {
  const sent = withId(query, randomInt(0x10000));
  return new Promise((resolve, reject) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      closeQuietly(socket);
      settle();
    };
    const fail = (error: Error): void => finish(() => reject(error));
    const timer = setTimeout(() => fail(new Error(`${server} does not answer`)), timeoutMs);
    socket.on("error", fail);
    socket.on("message", (answer) => {
      if (isAnswerTo(sent, answer)) finish(() => resolve(withId(answer, query.readUInt16BE(0))));
    });
    // Connected: only this server's datagrams come in, and a closed port is an error at once. By the event: a callback
    // would be called as well when there is no way to the server, and no error be told.
    socket.on("connect", () => socket.send(sent));
    const connect = (): void => socket.connect(DNS_PORT, server);
    if (fd === undefined) connect();
    else socket.bind({ fd }, connect);
  });
}

export function exchangeByTcp({ server, query, fd, timeoutMs }: Exchange): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = fd === undefined ? new Socket() : new Socket({ fd, readable: true, writable: true });
    const finish = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const timer = setTimeout(() => finish(() => reject(new Error(`${server} does not answer`))), timeoutMs);
    const messages = new MessageReader((answer) => {
      if (isAnswerTo(query, answer)) finish(() => resolve(answer));
    });
    socket.on("error", (error) => finish(() => reject(error)));
    socket.on("close", () => finish(() => reject(new Error(`${server} closed the connection`))));
    socket.on("data", (chunk) => messages.push(chunk));
    socket.connect(DNS_PORT, server, () => socket.write(framed(query)));
  });
}

/** DNS over a stream: each message has its length before it. */
export class MessageReader {
  #rest: Buffer = Buffer.alloc(0);
  readonly #onMessage: (message: Buffer) => void;

  constructor(onMessage: (message: Buffer) => void) {
    this.#onMessage = onMessage;
  }

  push(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 2) {
      const end = 2 + this.#rest.readUInt16BE(0);
      if (this.#rest.length < end) return;
      const message = this.#rest.subarray(2, end);
      this.#rest = this.#rest.subarray(end);
      this.#onMessage(message);
    }
  }
}

export function framed(message: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

const HEADER_BYTES = 12;
const RESPONSE = 0x80;

/** The same id, and the same question echoed. */
function isAnswerTo(query: Buffer, answer: Buffer): boolean {
  if (answer.length < HEADER_BYTES || ((answer[2] ?? 0) & RESPONSE) === 0) return false;
  if (answer.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  const end = questionEnd(query);
  // Error answers may come without the question.
  if (answer.readUInt16BE(4) === 0) return ((answer[3] ?? 0) & 0xf) !== 0;
  return lower(query.subarray(HEADER_BYTES, end)) === lower(answer.subarray(HEADER_BYTES, end));
}

function questionEnd(message: Buffer): number {
  let at = HEADER_BYTES;
  for (let label = message[at]; label !== undefined && label !== 0; label = message[at]) at += label + 1;
  return at + 5;
}

function lower(bytes: Buffer): string {
  return bytes.toString("latin1").toLowerCase();
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id);
  return copy;
}

function closeQuietly(socket: DatagramSocket): void {
  try {
    socket.close();
  } catch {
    // Closed already.
  }
}
