import { Bug } from "../../../lib/bug.ts";
import { contains, formatIp, type IpAddress, parseIp } from "../../../lib/ip-address.ts";
import { type EndpointSpec, type NetworkMember, RuntimeError } from "../../index.ts";
import { type AddressPool, freeAddress, isForContainers, toAddressPool } from "./address-pool.ts";
import type { NetworkRecord } from "./network-record.ts";
import type { AssignedAddress, EndpointRecord } from "./sandbox-record.ts";

/** A network and who has which of its addresses. Taking and giving back is done within one turn of the event loop. */
export class Network {
  #record: NetworkRecord;
  #pools: readonly AddressPool[];
  readonly #owners = new Map<string, string>();
  readonly #members = new Map<
    string,
    { readonly containerName: string; readonly endpoint: EndpointRecord }
  >();
  /** Containers on their way in: they hold the network as members do. */
  readonly #arriving = new Set<string>();

  constructor(record: NetworkRecord) {
    this.#record = record;
    this.#pools = record.ipam.pools.map(toAddressPool);
  }

  get record(): NetworkRecord {
    return this.#record;
  }

  /** Other pools, while nobody has an address. */
  redefine(record: NetworkRecord): void {
    if (this.isUsed) throw new Bug(`Network ${record.name} is in use and cannot move`);
    this.#record = record;
    this.#pools = record.ipam.pools.map(toAddressPool);
  }

  get isUsed(): boolean {
    return this.#members.size > 0 || this.#arriving.size > 0;
  }

  get members(): readonly NetworkMember[] {
    return [...this.#members].map(([containerId, { containerName, endpoint }]) => ({
      containerId,
      containerName,
      endpointId: endpoint.endpointId,
      macAddress: endpoint.link?.macAddress ?? "",
      ipv4Address: cidrText(endpoint.ipv4),
      ipv6Address: cidrText(endpoint.ipv6),
    }));
  }

  hasMember(containerId: string): boolean {
    return this.#members.has(containerId) || this.#arriving.has(containerId);
  }

  /** The bridge's own addresses, with their subnets' lengths. */
  get gatewayCidrs(): readonly string[] {
    return this.#pools.map(({ gateway, subnet }) => `${formatIp(gateway)}/${subnet.prefixLength}`);
  }

  /** Reserves one address of each family; `leave` gives them back. */
  arrive(
    containerId: string,
    spec: EndpointSpec,
  ): { readonly ipv4?: AssignedAddress; readonly ipv6?: AssignedAddress } {
    this.#arriving.add(containerId);
    try {
      const ipv4 = this.#take(containerId, 4, spec.ipv4Address);
      const ipv6 = this.#take(containerId, 6, spec.ipv6Address);
      return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
    } catch (error) {
      this.leave(containerId);
      throw error;
    }
  }

  join(containerId: string, containerName: string, endpoint: EndpointRecord): void {
    this.#arriving.delete(containerId);
    for (const assigned of [endpoint.ipv4, endpoint.ipv6])
      if (assigned !== undefined) this.#owners.set(assigned.address, containerId);
    this.#members.set(containerId, { containerName, endpoint });
  }

  leave(containerId: string): void {
    this.#arriving.delete(containerId);
    this.#members.delete(containerId);
    for (const [address, owner] of this.#owners) if (owner === containerId) this.#owners.delete(address);
  }

  rename(containerId: string, containerName: string, endpoint: EndpointRecord): void {
    if (this.#members.has(containerId)) this.#members.set(containerId, { containerName, endpoint });
  }

  #take(containerId: string, family: 4 | 6, wanted: string | undefined): AssignedAddress | undefined {
    const pools = this.#pools.filter((pool) => pool.subnet.family === family);
    if (wanted !== undefined && wanted !== "") return this.#takeWanted(containerId, pools, wanted);
    for (const pool of pools) {
      const address = freeAddress(pool, (value) => this.#owners.has(formatIp({ family, value })));
      if (address !== undefined) return this.#give(containerId, pool, formatIp(address));
    }
    if (pools.length === 0) return undefined;
    const { name } = this.record;
    throw new RuntimeError(
      "exhausted",
      `no available IPv${family} addresses on this network's address pools: ${name} (${this.record.id})`,
    );
  }

  #takeWanted(containerId: string, pools: readonly AddressPool[], wanted: string): AssignedAddress {
    const { name, hasChosenSubnet } = this.record;
    if (!hasChosenSubnet)
      throw new RuntimeError(
        "invalid",
        "user specified IP address is supported only when connecting to networks with user configured subnets",
      );
    const address = parseIp(wanted);
    const pool = pools.find(({ subnet }) => address !== undefined && contains(subnet, address));
    if (address === undefined || pool === undefined)
      throw new RuntimeError(
        "invalid",
        `invalid config for network ${name}: no configured subnet or ip-range contain the IP address ${wanted}`,
      );
    const text = formatIp(address);
    const owner = this.#owners.get(text);
    if (owner !== undefined || !isForContainers(pool, address))
      throw new RuntimeError(
        "conflict",
        `Address already in use: ${text} on network ${name} belongs to ${this.#ownerName(pool, address, owner)}`,
      );
    return this.#give(containerId, pool, text);
  }

  #ownerName(pool: AddressPool, address: IpAddress, owner: string | undefined): string {
    if (owner === undefined) return pool.gateway.value === address.value ? "the gateway" : "no container";
    return `container "${this.#members.get(owner)?.containerName ?? owner.slice(0, 12)}"`;
  }

  #give(containerId: string, pool: AddressPool, address: string): AssignedAddress {
    this.#owners.set(address, containerId);
    const { prefixLength } = pool.subnet;
    return { address, prefixLength, gateway: formatIp(pool.gateway) };
  }
}

function cidrText(assigned: AssignedAddress | undefined): string {
  return assigned === undefined ? "" : `${assigned.address}/${assigned.prefixLength}`;
}

/** All networks, by id. */
export class NetworkTable {
  readonly #networks = new Map<string, Network>();

  add(record: NetworkRecord): Network {
    const network = new Network(record);
    this.#networks.set(record.id, network);
    return network;
  }

  delete(id: string): void {
    this.#networks.delete(id);
  }

  get all(): readonly Network[] {
    return [...this.#networks.values()];
  }

  byId(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  byName(name: string): Network | undefined {
    return this.all.find((network) => network.record.name === name);
  }

  /** By full id, name, or unique prefix of the id; `not-found`, `invalid` when ambiguous. */
  find(nameOrId: string): Network {
    const exact = this.#networks.get(nameOrId) ?? this.byName(nameOrId);
    if (exact !== undefined) return exact;
    const matches = nameOrId === "" ? [] : this.all.filter(({ record }) => record.id.startsWith(nameOrId));
    if (matches.length > 1)
      throw new RuntimeError(
        "invalid",
        `network ${nameOrId} is ambiguous (${matches.length} matches found based on ID prefix)`,
      );
    const [match] = matches;
    if (match === undefined) throw new RuntimeError("not-found", `network ${nameOrId} not found`);
    return match;
  }
}
