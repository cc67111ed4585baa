import { type Libc, SystemError } from "./libc.ts";

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;
const HEADER_BYTES = 16;

/** A routing netlink socket of the namespace the thread was in when it was opened. One request, one answer. */
export class Netlink {
  readonly #libc: Libc;
  readonly #fd: number;
  readonly #buffer = Buffer.alloc(32_768);
  #sequence = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#fd = libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  }

  request(what: string, type: number, flags: number, ...body: readonly Uint8Array[]): void {
    const payload = Buffer.concat(body);
    const message = Buffer.alloc(HEADER_BYTES + payload.length);
    message.writeUInt32LE(message.length, 0);
    message.writeUInt16LE(type, 4);
    message.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | flags, 6);
    message.writeUInt32LE(++this.#sequence, 8);
    payload.copy(message, HEADER_BYTES);
    this.#libc.send(this.#fd, message);
    this.#acknowledge(what);
  }

  #acknowledge(what: string): void {
    for (;;) {
      this.#libc.receive(this.#fd, this.#buffer);
      if (this.#buffer.readUInt32LE(8) !== this.#sequence) continue;
      if (this.#buffer.readUInt16LE(4) !== NLMSG_ERROR) continue;
      const result = this.#buffer.readInt32LE(HEADER_BYTES);
      if (result !== 0) throw new SystemError(what, -result);
      return;
    }
  }

  close(): void {
    this.#libc.close(this.#fd);
  }
}

/** One attribute: length, type, value, padded to four bytes. A number is 32 bits wide. */
export function attribute(type: number, value: string | number | Uint8Array): Buffer {
  const bytes = bytesOf(value);
  const padded = Buffer.alloc((4 + bytes.length + 3) & ~3);
  padded.writeUInt16LE(4 + bytes.length, 0);
  padded.writeUInt16LE(type, 2);
  Buffer.from(bytes).copy(padded, 4);
  return padded;
}

export function nested(type: number, ...attributes: readonly Uint8Array[]): Buffer {
  return attribute(type, Buffer.concat(attributes));
}

function bytesOf(value: string | number | Uint8Array): Uint8Array {
  if (typeof value === "string") return Buffer.from(`${value}\0`);
  if (typeof value !== "number") return value;
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
