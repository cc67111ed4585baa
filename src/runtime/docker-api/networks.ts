import { compact } from "../../lib/compact.ts";
import type { IpamPool, NetworkInfo, NetworkMember, NetworkSpec } from "../index.ts";
import { timeFromWire, timeToWire } from "./time.ts";
import type { WireObject } from "./wire-object.ts";

type Wire = Readonly<Record<string, unknown>>;

/** The body of `POST /networks/create`. */
export function networkSpecFromWire(body: WireObject): NetworkSpec {
  const ipam = body.object("IPAM");
  const pools = poolsFromWire(ipam);
  const ipamSpec = compact<NonNullable<NetworkSpec["ipam"]>>({
    driver: ipam.filled("Driver"),
    options: ipam.someRecord("Options"),
    pools: pools.length === 0 ? undefined : pools,
  });
  return compact<NetworkSpec>({
    name: body.text("Name") ?? "",
    driver: body.filled("Driver"),
    options: body.someRecord("Options"),
    labels: body.someRecord("Labels"),
    ipam: Object.keys(ipamSpec).length === 0 ? undefined : ipamSpec,
    internal: body.isSet("Internal"),
    attachable: body.isSet("Attachable"),
    enableIpv4: body.flag("EnableIPv4"),
    enableIpv6: body.flag("EnableIPv6"),
  });
}

function poolsFromWire(ipam: WireObject): readonly IpamPool[] {
  return ipam.objects("Config").map((pool) =>
    compact<IpamPool>({
      subnet: pool.filled("Subnet"),
      ipRange: pool.filled("IPRange"),
      gateway: pool.filled("Gateway"),
      auxAddresses: pool.someRecord("AuxiliaryAddresses") ?? pool.someRecord("AuxAddress"),
    }),
  );
}

function poolsToWire(pools: readonly IpamPool[]): readonly Wire[] {
  return pools.map((pool) =>
    compact<Record<string, unknown>>({
      Subnet: pool.subnet,
      IPRange: pool.ipRange,
      Gateway: pool.gateway,
      AuxiliaryAddresses: pool.auxAddresses,
    }),
  );
}

export function networkSpecToWire(spec: NetworkSpec): Wire {
  return compact<Record<string, unknown>>({
    Name: spec.name,
    CheckDuplicate: true,
    Driver: spec.driver ?? "bridge",
    EnableIPv4: spec.enableIpv4,
    EnableIPv6: spec.enableIpv6,
    IPAM: spec.ipam && {
      Driver: spec.ipam.driver ?? "default",
      Options: spec.ipam.options ?? null,
      Config: poolsToWire(spec.ipam.pools ?? []),
    },
    Internal: spec.internal ?? false,
    Attachable: spec.attachable ?? false,
    Options: spec.options ?? {},
    Labels: spec.labels ?? {},
  });
}

export function networkInfoToWire(info: NetworkInfo): Wire {
  return {
    Name: info.name,
    Id: info.id,
    Created: timeToWire(info.createdAt),
    Scope: "local",
    Driver: info.driver,
    EnableIPv4: info.enableIpv4,
    EnableIPv6: info.enableIpv6,
    IPAM: {
      Driver: info.ipam.driver,
      Options: Object.keys(info.ipam.options).length === 0 ? null : info.ipam.options,
      Config: info.ipam.pools.length === 0 ? null : poolsToWire(info.ipam.pools),
    },
    Internal: info.internal,
    Attachable: info.attachable,
    Ingress: false,
    ConfigFrom: { Network: "" },
    ConfigOnly: false,
    Containers: Object.fromEntries(info.members.map((member) => [member.containerId, memberToWire(member)])),
    Options: info.options,
    Labels: info.labels,
  };
}

function memberToWire(member: NetworkMember): Wire {
  return {
    Name: member.containerName,
    EndpointID: member.endpointId,
    MacAddress: member.macAddress,
    IPv4Address: member.ipv4Address,
    IPv6Address: member.ipv6Address,
  };
}

export function networkInfoFromWire(body: WireObject): NetworkInfo {
  const ipam = body.object("IPAM");
  return {
    id: body.text("Id") ?? "",
    name: body.text("Name") ?? "",
    driver: body.text("Driver") ?? "",
    options: body.record("Options") ?? {},
    labels: body.record("Labels") ?? {},
    ipam: {
      driver: ipam.text("Driver") ?? "default",
      options: ipam.record("Options") ?? {},
      pools: poolsFromWire(ipam),
    },
    internal: body.flag("Internal") ?? false,
    attachable: body.flag("Attachable") ?? false,
    enableIpv4: body.flag("EnableIPv4") ?? true,
    enableIpv6: body.flag("EnableIPv6") ?? false,
    createdAt: timeFromWire(body.text("Created")) ?? new Date(0),
    members: body.members("Containers").map(([containerId, member]) => ({
      containerId,
      containerName: member.text("Name") ?? "",
      endpointId: member.text("EndpointID") ?? "",
      macAddress: member.text("MacAddress") ?? "",
      ipv4Address: member.text("IPv4Address") ?? "",
      ipv6Address: member.text("IPv6Address") ?? "",
    })),
  };
}
