import { randomBytes } from "node:crypto";
import { compact } from "../../../lib/compact.ts";
import { type EndpointSpec, hasKind, RuntimeError } from "../../index.ts";
import type { Host } from "../host.ts";
import { parseBridgeOptions } from "./bridge-options.ts";
import type { Bridges } from "./bridges.ts";
import {
  dnsNamesOf,
  endpointSysctls,
  gatewayEndpoint,
  interfaceNameFor,
  linkLocalAddresses,
  macAddressFor,
} from "./endpoints.ts";
import type { InterfaceNames } from "./interface-names.ts";
import type { Network, NetworkTable } from "./network-table.ts";
import type { EndpointRecord, SandboxRecord } from "./sandbox-record.ts";

export interface EndpointLinksOptions {
  readonly host: Host;
  readonly networks: NetworkTable;
  readonly bridges: Bridges;
  readonly names: InterfaceNames;
  /** Makes sure that the network's bridge is there. */
  raise(network: Network): Promise<void>;
}

/** A container's interfaces: planned, made, unmade. */
export class EndpointLinks {
  readonly #options: EndpointLinksOptions;

  constructor(options: EndpointLinksOptions) {
    this.#options = options;
  }

  /** Before addresses are taken: the predefined network may move to another subnet on this occasion. */
  async raise(network: Network): Promise<void> {
    const { bridges, raise } = this.#options;
    if (network.record.driver === "bridge" && !bridges.isUp(network)) await raise(network);
  }

  /** Reserves addresses and names; `network.leave` gives them back. */
  plan(container: SandboxRecord, network: Network, spec: EndpointSpec): EndpointRecord {
    const { record } = network;
    if (this.#options.networks.byId(record.id) !== network)
      throw new RuntimeError("not-found", `network ${record.name} not found`);
    const dnsNames = dnsNamesOf(record, spec, container);
    const { ipv4, ipv6 } = network.arrive(container.containerId, spec);
    const takenNames = container.endpoints.flatMap(({ link }) =>
      link === undefined ? [] : [link.interfaceName],
    );
    const { interfacePrefix } = parseBridgeOptions(record.options);
    const link =
      record.driver === "bridge"
        ? {
            interfaceName: interfaceNameFor(spec, interfacePrefix, takenNames),
            hostInterface: this.#options.names.veth(),
            macAddress: macAddressFor(spec, ipv4?.address),
          }
        : undefined;
    return compact<EndpointRecord>({
      networkId: record.id,
      networkName: record.name,
      endpointId: randomBytes(32).toString("hex"),
      spec,
      link,
      ipv4,
      ipv6,
      dnsNames,
      isInternal: record.internal,
    });
  }

  /** `endpoints`: all of the container's, which together decide on the way out. */
  async connect(
    netnsPath: string,
    network: Network,
    endpoint: EndpointRecord,
    endpoints: readonly EndpointRecord[],
  ): Promise<void> {
    const { host, raise } = this.#options;
    if (endpoint.link === undefined) return;
    const veth = this.#vethOf(netnsPath, network, endpoint, endpoints);
    try {
      await host.connectVeth(veth);
    } catch (error) {
      if (!isMissingLink(error)) throw error;
      // Somebody has deleted our bridge.
      await raise(network);
      await host.connectVeth(veth);
    }
    const sysctls = endpointSysctls(endpoint.spec, endpoint.link.interfaceName);
    if (Object.keys(sysctls).length > 0) await host.sysctl(sysctls, netnsPath);
  }

  async disconnect(netnsPath: string, { link }: EndpointRecord): Promise<void> {
    if (link !== undefined) await this.#options.host.disconnectVeth(netnsPath, link.interfaceName);
  }

  /** From the host's end, whatever those inside have made of theirs. */
  async cut(netnsPath: string, endpoint: EndpointRecord): Promise<void> {
    const name = endpoint.link?.hostInterface ?? "";
    // A rebuilt record does not tell it.
    if (name === "") await this.disconnect(netnsPath, endpoint);
    else await this.#options.host.removeLink(name);
  }

  #vethOf(
    netnsPath: string,
    { record }: Network,
    endpoint: EndpointRecord,
    endpoints: readonly EndpointRecord[],
  ): Parameters<Host["connectVeth"]>[0] {
    const { link, ipv4, ipv6 } = endpoint;
    const options = parseBridgeOptions(record.options);
    const isWayOut = (family: "ipv4" | "ipv6"): boolean => gatewayEndpoint(endpoints, family) === endpoint;
    return compact<Parameters<Host["connectVeth"]>[0]>({
      hostName: link?.hostInterface ?? "",
      bridge: record.bridgeName,
      netnsPath,
      interfaceName: link?.interfaceName ?? "",
      macAddress: link?.macAddress ?? "",
      addresses: [
        ...[ipv4, ipv6].flatMap((assigned) =>
          assigned === undefined ? [] : [`${assigned.address}/${assigned.prefixLength}`],
        ),
        ...linkLocalAddresses(endpoint.spec),
      ],
      ipv4Gateway: isWayOut("ipv4") ? ipv4?.gateway : undefined,
      ipv6Gateway: isWayOut("ipv6") ? ipv6?.gateway : undefined,
      mtu: options.mtu ?? this.#options.bridges.defaultMtu,
      isolated: options.allowsInterContainer ? undefined : true,
    });
  }
}

function isMissingLink(error: unknown): boolean {
  return (
    hasKind(error, "internal") &&
    error.cause instanceof Error &&
    "code" in error.cause &&
    error.cause.code === "ENODEV"
  );
}
