import { type Cidr, formatCidr, overlaps, parseCidr } from "../../../lib/ip-address.ts";
import { type IpamPool, type NetworkSpec, RuntimeError } from "../../index.ts";
import { completePool, freeIpv4Subnet, uniqueLocalSubnet } from "./address-pool.ts";
import { parseBridgeOptions } from "./bridge-options.ts";
import type { MachineSubnet } from "./machine-subnets.ts";
import type { NetworkRecord } from "./network-record.ts";

/** What a new network is made from, besides what was asked for. */
export interface Surroundings {
  readonly id: string;
  readonly now: Date;
  /** A name for its bridge where none was chosen. */
  readonly bridgeName: string;
  /** Of the other networks of ours. */
  readonly others: readonly NetworkRecord[];
  readonly machine: readonly MachineSubnet[];
  readonly randomBytes: Uint8Array;
}

/** A bridge network, every pool filled in. `invalid`, `forbidden` for an overlap, `exhausted`. Pure. */
export function defineBridgeNetwork(spec: NetworkSpec, around: Surroundings): NetworkRecord {
  const options = spec.options ?? {};
  const { bridgeName } = parseBridgeOptions(options);
  if (spec.ipam?.driver !== undefined && !["", "default"].includes(spec.ipam.driver))
    throw new RuntimeError("unsupported", `ipam driver "${spec.ipam.driver}" not found`);
  const enableIpv4 = spec.enableIpv4 ?? true;
  const enableIpv6 = spec.enableIpv6 ?? false;
  if (!enableIpv4 && !enableIpv6)
    throw new RuntimeError(
      "invalid",
      "IPv4 or IPv6 must be enabled: a network has to have addresses of one family",
    );
  const chosen = (spec.ipam?.pools ?? []).filter((pool) => Object.keys(pool).length > 0);
  return {
    id: around.id,
    name: spec.name,
    driver: "bridge",
    options,
    labels: spec.labels ?? {},
    ipam: {
      driver: "default",
      options: spec.ipam?.options ?? {},
      pools: settlePools(chosen, { enableIpv4, enableIpv6 }, around),
    },
    hasChosenSubnet: chosen.some((pool) => pool.subnet !== undefined),
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    enableIpv4,
    enableIpv6,
    createdAt: around.now.toISOString(),
    isPredefined: false,
    bridgeName: bridgeName ?? around.bridgeName,
    ownsBridge: true,
  };
}

function settlePools(
  chosen: readonly IpamPool[],
  families: { readonly enableIpv4: boolean; readonly enableIpv6: boolean },
  around: Surroundings,
): readonly IpamPool[] {
  const settled: (IpamPool & { readonly subnet: string })[] = [];
  for (const pool of chosen) {
    const subnet = chosenSubnet(pool, around);
    const family = subnet.family === 4 ? families.enableIpv4 : families.enableIpv6;
    if (!family)
      throw new RuntimeError(
        "invalid",
        `IPv${subnet.family} is not enabled, but ${formatCidr(subnet)} is among its subnets`,
      );
    const duplicate = settled.some((other) => doesOverlap(subnet, other.subnet));
    if (duplicate) throw poolOverlap(`${formatCidr(subnet)} is listed twice`);
    settled.push({ ...pool, subnet: formatCidr(subnet) });
  }
  const has = (family: 4 | 6): boolean =>
    settled.some((pool) => pool.subnet.includes(":") === (family === 6));
  if (families.enableIpv4 && !has(4)) settled.push({ subnet: formatCidr(automaticIpv4(around)) });
  if (families.enableIpv6 && !has(6))
    settled.push({ subnet: formatCidr(uniqueLocalSubnet(around.randomBytes)) });
  return settled.map(completePool);
}

/** A pool without a subnet takes the next free one; it may still say where containers go in it. */
function chosenSubnet(pool: IpamPool, around: Surroundings): Cidr {
  if (pool.subnet === undefined || pool.subnet === "") return automaticIpv4(around);
  const subnet = parseCidr(pool.subnet);
  if (subnet === undefined) throw new RuntimeError("invalid", `invalid subnet "${pool.subnet}"`);
  const other = around.others.find(({ ipam }) =>
    ipam.pools.some((taken) => doesOverlap(subnet, taken.subnet)),
  );
  if (other !== undefined) throw poolOverlap(`network ${other.name} has ${poolTexts(other)}`);
  const link = around.machine.find((taken) => taken.isDirect && overlaps(taken.cidr, subnet));
  if (link !== undefined) throw poolOverlap(`${formatCidr(link.cidr)} is on interface ${link.interfaceName}`);
  return subnet;
}

function automaticIpv4(around: Surroundings): Cidr {
  const ours = around.others.flatMap(({ ipam }) =>
    ipam.pools.flatMap(({ subnet }) => parseCidr(subnet ?? "") ?? []),
  );
  const subnet = freeIpv4Subnet([...ours, ...around.machine.map(({ cidr }) => cidr)]);
  if (subnet !== undefined) return subnet;
  throw new RuntimeError(
    "exhausted",
    "all predefined address pools have been fully subnetted: remove unused networks (network prune), or choose a subnet",
  );
}

function doesOverlap(subnet: Cidr, otherText: string | undefined): boolean {
  const other = parseCidr(otherText ?? "");
  return other !== undefined && overlaps(subnet, other);
}

function poolTexts(network: NetworkRecord): string {
  return network.ipam.pools.map(({ subnet }) => subnet ?? "").join(", ");
}

function poolOverlap(detail: string): RuntimeError {
  return new RuntimeError("forbidden", `Pool overlaps with other one on this address space: ${detail}`);
}
