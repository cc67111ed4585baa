import type { IpamPool } from "../../index.ts";

/** One network as it is kept on disk, pools filled in. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  readonly driver: "bridge" | "host" | "null";
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly ipam: {
    readonly driver: string;
    readonly options: Readonly<Record<string, string>>;
    readonly pools: readonly IpamPool[];
  };
  /** Somebody chose the subnet: only then may an endpoint choose its address. */
  readonly hasChosenSubnet: boolean;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIpv4: boolean;
  readonly enableIpv6: boolean;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly isPredefined: boolean;
  /** Interface on the host; empty for `host` and `none`. */
  readonly bridgeName: string;
  /** False: it was there before the network and outlives it. */
  readonly ownsBridge: boolean;
}

/** The predefined bridge gives no names and takes the host's own resolvers, as Docker's does. */
export function givesNames(network: NetworkRecord): boolean {
  return network.driver === "bridge" && !network.isPredefined;
}
