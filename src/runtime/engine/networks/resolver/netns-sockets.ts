import { closeSync, openSync } from "node:fs";
import { parseIp } from "../../../../lib/ip-address.ts";
import type { Libc } from "../../host/libc.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_FLAGS = 0o2000000 | 0o4000; // close on exec, non-blocking
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const CLONE_NEWNET = 0x40000000;
const BACKLOG = 64;

/** Sockets born in another network namespace; afterwards they are descriptors like any other. */
export class NetnsSockets {
  readonly #libc: Libc;
  readonly #home = openSync("/proc/thread-self/ns/net", "r");

  constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** A datagram and a listening stream socket on one IPv4 address and port. */
  listening(
    netnsPath: string,
    address: string,
    port: number,
  ): { readonly udp: number; readonly tcp: number } {
    return this.#inside(netnsPath, (opened) => {
      const udp = opened(this.#libc.socket(AF_INET, SOCK_DGRAM | SOCK_FLAGS, 0));
      this.#libc.bind(udp, ipv4SocketAddress(address, port));
      const tcp = opened(this.#libc.socket(AF_INET, SOCK_STREAM | SOCK_FLAGS, 0));
      this.#libc.setSocketOption(tcp, SOL_SOCKET, SO_REUSEADDR, 1);
      this.#libc.bind(tcp, ipv4SocketAddress(address, port));
      this.#libc.listen(tcp, BACKLOG);
      return { udp, tcp };
    });
  }

  /** Not bound and not connected. */
  outgoing(netnsPath: string, kind: "udp" | "tcp", family: 4 | 6): number {
    return this.#inside(netnsPath, () =>
      this.#libc.socket(
        family === 4 ? AF_INET : AF_INET6,
        (kind === "udp" ? SOCK_DGRAM : SOCK_STREAM) | SOCK_FLAGS,
        0,
      ),
    );
  }

  /** What `opened` was told of is closed when the work fails. A thread that cannot come home must not go on. */
  #inside<T>(netnsPath: string, work: (opened: (fd: number) => number) => T): T {
    const namespace = openSync(netnsPath, "r");
    const descriptors: number[] = [];
    try {
      this.#libc.setns(namespace, CLONE_NEWNET);
      try {
        return work((fd) => {
          descriptors.push(fd);
          return fd;
        });
      } catch (error) {
        for (const fd of descriptors) closeSync(fd);
        throw error;
      } finally {
        this.#comeHome();
      }
    } finally {
      closeSync(namespace);
    }
  }

  #comeHome(): void {
    try {
      this.#libc.setns(this.#home, CLONE_NEWNET);
    } catch {
      process.abort();
    }
  }
}

function ipv4SocketAddress(text: string, port: number): Uint8Array {
  const address = parseIp(text);
  if (address?.family !== 4) throw new Error(`"${text}" is no IPv4 address`);
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  bytes.writeUInt16BE(port, 2);
  bytes.writeUInt32BE(Number(address.value), 4);
  return bytes;
}
