import type { Filters } from "./events.ts";

export interface IpamPool {
  /** CIDR. */
  readonly subnet?: string;
  readonly ipRange?: string;
  readonly gateway?: string;
  readonly auxAddresses?: Readonly<Record<string, string>>;
}

export interface NetworkSpec {
  readonly name: string;
  /** `bridge` when absent. `host` and `none` exist once, predefined. */
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ipam?: {
    readonly driver?: string;
    readonly options?: Readonly<Record<string, string>>;
    readonly pools?: readonly IpamPool[];
  };
  /** No way out, no masquerade. */
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enableIpv4?: boolean;
  readonly enableIpv6?: boolean;
}

/** One container's place on one network, as asked for. */
export interface EndpointSpec {
  readonly ipv4Address?: string;
  readonly ipv6Address?: string;
  readonly linkLocalIps?: readonly string[];
  readonly macAddress?: string;
  readonly aliases?: readonly string[];
  /** `container:alias` pairs of the legacy links. */
  readonly links?: readonly string[];
  readonly driverOptions?: Readonly<Record<string, string>>;
  /** The highest wins the default route; ties: the name that sorts first. */
  readonly gatewayPriority?: number;
}

/** One container's place on one network, as it is. Addresses are absent while the container is not running. */
export interface EndpointInfo extends EndpointSpec {
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId?: string;
  readonly gateway?: string;
  readonly ipAddress?: string;
  readonly ipPrefixLength?: number;
  readonly ipv6Gateway?: string;
  readonly globalIpv6Address?: string;
  readonly globalIpv6PrefixLength?: number;
  /** Every name under which other members of the network find it. */
  readonly dnsNames?: readonly string[];
}

export interface NetworkMember {
  readonly containerId: string;
  readonly containerName: string;
  readonly endpointId: string;
  readonly macAddress: string;
  /** CIDR, empty when it has none. */
  readonly ipv4Address: string;
  readonly ipv6Address: string;
}

export interface NetworkInfo {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly IpamPool[];
  };
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  readonly createdAt: Date;
  /** Running members only; filled by `inspect`, empty in `list`. */
  readonly members: readonly NetworkMember[];
}

export interface Networks {
  /** `already-exists` when the name is taken; `forbidden` when the pool overlaps another. */
  create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warning?: string }>;
  /** By name, id or unique id prefix; `not-found`. */
  inspect(nameOrId: string): Promise<NetworkInfo>;
  list(filters?: Filters): Promise<readonly NetworkInfo[]>;
  /** `not-found`; `forbidden` when predefined or while it has endpoints. */
  remove(nameOrId: string): Promise<void>;
  /** Attaches a container (running or not); `forbidden` when it is attached already, `invalid` beside `host` or `none`. */
  connect(nameOrId: string, containerNameOrId: string, endpoint?: EndpointSpec): Promise<void>;
  disconnect(
    nameOrId: string,
    containerNameOrId: string,
    options?: { readonly force?: boolean },
  ): Promise<void>;
  prune(filters?: Filters): Promise<{ readonly removed: readonly string[] }>;
}
