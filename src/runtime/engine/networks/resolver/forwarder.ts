import { type IpAddress, parseIp } from "../../../../lib/ip-address.ts";
import type { SandboxRecord } from "../sandbox-record.ts";
import { exchangeByTcp, exchangeByUdp } from "./exchange.ts";
import type { HostServers } from "./host-servers.ts";
import type { NetnsSockets } from "./netns-sockets.ts";
import { RESOLVER_ADDRESS } from "./protocol.ts";
import { WaitingQueries } from "./waiting-queries.ts";

const TIMEOUT_MS = 4000;
const SERVER_FAILURE = 2;
const REFUSED = 5;
const OUR_ADDRESS = parseIp(RESOLVER_ADDRESS)?.value;

/**
 * Asks the servers of a container in their order. The machine's own are asked from the machine's namespace, so
 * that one on its loopback works too; but not for a container whose networks are all internal, which must have
 * no way out (names can carry data). Servers chosen for the container are asked from inside it.
 */
export class Forwarder {
  readonly #sockets: NetnsSockets;
  readonly #hostServers: HostServers;
  readonly #waiting = new WaitingQueries();

  constructor(sockets: NetnsSockets, hostServers: HostServers) {
    this.#sockets = sockets;
    this.#hostServers = hostServers;
  }

  /** Undefined when nobody answered usefully. */
  async forward(asker: SandboxRecord, query: Buffer, kind: "udp" | "tcp"): Promise<Buffer | undefined> {
    if (!this.#waiting.enter(asker.containerId)) return undefined;
    try {
      return await this.#askInOrder(asker, query, kind);
    } finally {
      this.#waiting.leave(asker.containerId);
    }
  }

  async #askInOrder(asker: SandboxRecord, query: Buffer, kind: "udp" | "tcp"): Promise<Buffer | undefined> {
    let lastRefusal: Buffer | undefined;
    for (const { server, isInside } of this.#serversOf(asker)) {
      try {
        const exchange = kind === "udp" ? exchangeByUdp : exchangeByTcp;
        const family = server.includes(":") ? 6 : 4;
        const answer = await exchange({
          server,
          query,
          timeoutMs: TIMEOUT_MS,
          ...(isInside && asker.netnsPath !== undefined
            ? { fd: this.#sockets.outgoing(asker.netnsPath, kind, family) }
            : {}),
        });
        if (!isRefusal(answer)) return answer;
        lastRefusal = answer;
      } catch {
        // The next one may answer.
      }
    }
    return lastRefusal;
  }

  #serversOf(asker: SandboxRecord): readonly { readonly server: string; readonly isInside: boolean }[] {
    if (asker.names.servers.length > 0)
      return asker.names.servers
        .filter((server) => !isOurselves(server))
        .map((server) => ({ server, isInside: true }));
    if (asker.endpoints.every((endpoint) => endpoint.isInternal)) return [];
    return this.#hostServers.current().map((server) => ({ server, isInside: false }));
  }
}

/** Asked from inside, that is us: one query would come round until nothing more may wait. */
function isOurselves(server: string): boolean {
  const address = parseIp(server);
  return address !== undefined && (address.value & 0xffff_ffffn) === OUR_ADDRESS && !isRealIpv6(address);
}

/** Neither IPv4 nor IPv4 in IPv6 (`::ffff:127.0.0.11`). */
function isRealIpv6({ family, value }: IpAddress): boolean {
  return family === 6 && value >> 32n !== 0xffffn;
}

function isRefusal(answer: Buffer): boolean {
  const responseCode = (answer[3] ?? 0) & 0xf;
  return responseCode === SERVER_FAILURE || responseCode === REFUSED;
}
