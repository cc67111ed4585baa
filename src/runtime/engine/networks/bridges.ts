import { hasKind, RuntimeError } from "../../index.ts";
import type { Host } from "../host.ts";
import { parseBridgeOptions } from "./bridge-options.ts";
import { networkElements } from "./firewall.ts";
import type { ForwardAccepts } from "./forward-accepts.ts";
import type { Forwarding } from "./forwarding.ts";
import type { InterfaceNames } from "./interface-names.ts";
import { uplinkMtu } from "./machine-subnets.ts";
import type { NetworkRecord } from "./network-record.ts";
import type { Network } from "./network-table.ts";
import type { NftTable } from "./nft-table.ts";

export interface BridgesOptions {
  readonly host: Host;
  readonly table: NftTable;
  readonly accepts: ForwardAccepts;
  readonly forwarding: Forwarding;
  readonly names: InterfaceNames;
}

/** Networks as the kernel knows them. */
export class Bridges {
  readonly #options: BridgesOptions;
  readonly #up = new Set<string>();

  constructor(options: BridgesOptions) {
    this.#options = options;
  }

  /** Undefined: the kernel's. */
  get defaultMtu(): number | undefined {
    return uplinkMtu();
  }

  isUp(network: Network): boolean {
    return this.#up.has(network.record.id);
  }

  /** A bridge that is there under a chosen name is used, and left alone at the end. */
  async claimName(record: NetworkRecord): Promise<NetworkRecord> {
    const isThere = (await this.#options.host.linkNames()).includes(record.bridgeName);
    return isThere ? { ...record, ownsBridge: false } : record;
  }

  /** The bridge, its addresses, its place in the rules. Again is a repair. */
  async raise(network: Network): Promise<void> {
    const { host, table, forwarding } = this.#options;
    await this.#makeBridge(network);
    await forwarding.ensure(network.record.enableIpv6 ? ["ipv4", "ipv6"] : ["ipv4"]);
    await table.add(networkElements(network.record));
    await this.#acceptForwarding(network);
    this.#up.add(network.record.id);
    await host.sysctl({ [`net/ipv4/conf/${network.record.bridgeName}/route_localnet`]: "1" });
  }

  async lower(network: Network): Promise<void> {
    const { host, table, accepts, names } = this.#options;
    const { record } = network;
    this.#up.delete(record.id);
    await table.remove(networkElements(record));
    if (record.ownsBridge) await host.removeLink(record.bridgeName);
    if (!names.isOurs(record.bridgeName)) await accepts.remove(record.bridgeName);
  }

  async #makeBridge(network: Network): Promise<void> {
    const { name, bridgeName, options } = network.record;
    const { mtu = this.defaultMtu, inhibitsIpv4 } = parseBridgeOptions(options);
    const addresses = network.gatewayCidrs.filter((cidr) => !inhibitsIpv4 || cidr.includes(":"));
    try {
      await this.#options.host.createBridge({
        name: bridgeName,
        addresses,
        ...(mtu === undefined ? {} : { mtu }),
      });
    } catch (cause) {
      if (!hasKind(cause, "conflict")) throw cause;
      throw new RuntimeError(
        "conflict",
        `Cannot use interface ${bridgeName} for network "${name}": it is no bridge`,
        {
          cause,
        },
      );
    }
  }

  async #acceptForwarding({ record }: Network): Promise<void> {
    const { accepts, names } = this.#options;
    await accepts.ensure(names.isOurs(record.bridgeName) ? `${names.bridgePrefix}+` : record.bridgeName);
  }
}
