import type { Log } from "../../../lib/log.ts";
import type { Host } from "../host.ts";
import { gatewaysOf, portEndpoint } from "./endpoints.ts";
import { type Element, portElements } from "./firewall.ts";
import type { HeldPorts } from "./held-ports.ts";
import type { NftTable } from "./nft-table.ts";
import { RESOLVER_ADDRESS, RESOLVER_PORT } from "./resolver/protocol.ts";
import type { ResolverClient } from "./resolver/resolver-client.ts";
import { needsResolver, type SandboxRecord } from "./sandbox-record.ts";
import type { SandboxStore } from "./sandbox-store.ts";

export interface SandboxKeeperOptions {
  readonly host: Host;
  readonly log: Log;
  readonly table: NftTable;
  readonly ports: HeldPorts;
  readonly resolver: ResolverClient;
  readonly store: SandboxStore;
}

/** Port 53 of 127.0.0.11 stays free for the container's own server: the resolver listens elsewhere. */
const NAMES_RULES = `table ip stowage_names {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr ${RESOLVER_ADDRESS} udp dport 53 dnat to ${RESOLVER_ADDRESS}:${RESOLVER_PORT}
    ip daddr ${RESOLVER_ADDRESS} tcp dport 53 dnat to ${RESOLVER_ADDRESS}:${RESOLVER_PORT}
  }
}
`;

/** Keeps routes, published ports, names and the stored file in step with the record of each open sandbox. */
export class SandboxKeeper {
  readonly #options: SandboxKeeperOptions;
  readonly #open = new Map<string, SandboxRecord>();

  constructor(options: SandboxKeeperOptions) {
    this.#options = options;
  }

  get all(): readonly SandboxRecord[] {
    return [...this.#open.values()];
  }

  get(containerId: string): SandboxRecord | undefined {
    return this.#open.get(containerId);
  }

  /** Of a former life of the daemon, or to be put away: nothing is changed but our knowledge. */
  remember(record: SandboxRecord): void {
    this.#open.set(record.containerId, record);
    this.#aimPorts(record);
  }

  async change(before: SandboxRecord | undefined, after: SandboxRecord): Promise<void> {
    const { host, store, resolver } = this.#options;
    if (before !== undefined) await this.#changeRoutes(before, after);
    await this.#changePorts(before, after);
    await store.save(after);
    this.remember(after);
    const hadNames = before !== undefined && needsResolver(before);
    const hasNames = needsResolver(after);
    if (hasNames && !hadNames && after.netnsPath !== undefined) await host.nft(NAMES_RULES, after.netnsPath);
    if (hasNames || hadNames) await resolver.load(after.containerId);
  }

  async drop(record: SandboxRecord): Promise<void> {
    const { table, store, resolver } = this.#options;
    this.#open.delete(record.containerId);
    await store.remove(record.containerId);
    await table.remove(publishedElements(record));
    await this.#forgetFlows(record);
    if (needsResolver(record)) await resolver.drop(record.containerId);
  }

  async #changeRoutes(before: SandboxRecord, after: SandboxRecord): Promise<void> {
    const [old, next] = [gatewaysOf(before.endpoints), gatewaysOf(after.endpoints)];
    const isSame = old.ipv4 === next.ipv4 && old.ipv6 === next.ipv6;
    if (!isSame && after.netnsPath !== undefined)
      await this.#options.host.setDefaultRoute(after.netnsPath, next);
  }

  async #changePorts(before: SandboxRecord | undefined, after: SandboxRecord): Promise<void> {
    const { table } = this.#options;
    const stale = before === undefined ? [] : publishedElements(before);
    const fresh = publishedElements(after);
    const isSame = (a: Element) => (b: Element) => a.set === b.set && a.key === b.key && a.value === b.value;
    await table.remove(stale.filter((element) => !fresh.some(isSame(element))));
    const added = fresh.filter((element) => !stale.some(isSame(element)));
    await table.add(added);
    if (added.length > 0) await this.#forgetFlows(after);
  }

  /** So that a client that keeps sending to a published port reaches who publishes it now. */
  async #forgetFlows({ ports, endpoints }: SandboxRecord): Promise<void> {
    const { host, log } = this.#options;
    const datagramPorts = ports.filter(({ protocol }) => protocol === "udp").map(({ hostPort }) => hostPort);
    if (datagramPorts.length === 0) return;
    const addresses = endpoints.flatMap(({ ipv4, ipv6 }) =>
      [ipv4, ipv6].flatMap((assigned) => assigned?.address ?? []),
    );
    await host
      .forgetDatagramFlows(datagramPorts, addresses)
      .catch((error: unknown) => log.debug("cannot make the kernel forget flows", { error }));
  }

  #aimPorts(record: SandboxRecord): void {
    const target = portEndpoint(record.endpoints);
    this.#options.ports.setTargets(record.containerId, ({ hostIp, containerPort }) => {
      const [first, second] = hostIp.includes(":")
        ? [target?.ipv6, target?.ipv4]
        : [target?.ipv4, target?.ipv6];
      const address = (first ?? second)?.address;
      return address === undefined ? undefined : { address, port: containerPort };
    });
  }
}

/** What a sandbox has in the rules. */
export function publishedElements(record: SandboxRecord): readonly Element[] {
  const target = portEndpoint(record.endpoints);
  return target === undefined ? [] : record.ports.flatMap((port) => portElements(port, target));
}
