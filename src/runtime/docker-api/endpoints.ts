import { compact } from "../../lib/compact.ts";
import type { EndpointInfo, EndpointSpec } from "../index.ts";
import type { WireObject } from "./wire-object.ts";

export function endpointSpecFromWire(endpoint: WireObject): EndpointSpec {
  const ipam = endpoint.object("IPAMConfig");
  return compact<EndpointSpec>({
    ipv4Address: ipam.filled("IPv4Address"),
    ipv6Address: ipam.filled("IPv6Address"),
    linkLocalIps: ipam.someTexts("LinkLocalIPs"),
    macAddress: endpoint.filled("MacAddress"),
    aliases: endpoint.someTexts("Aliases"),
    links: endpoint.someTexts("Links"),
    driverOptions: endpoint.someRecord("DriverOpts"),
    gatewayPriority: endpoint.amount("GwPriority"),
  });
}

export function endpointSpecToWire(endpoint: EndpointSpec): Readonly<Record<string, unknown>> {
  const ipam = compact<Record<string, unknown>>({
    IPv4Address: endpoint.ipv4Address,
    IPv6Address: endpoint.ipv6Address,
    LinkLocalIPs: endpoint.linkLocalIps,
  });
  return {
    IPAMConfig: Object.keys(ipam).length === 0 ? null : ipam,
    Links: endpoint.links ?? null,
    Aliases: endpoint.aliases ?? null,
    MacAddress: endpoint.macAddress ?? "",
    DriverOpts: endpoint.driverOptions ?? null,
    GwPriority: endpoint.gatewayPriority ?? 0,
  };
}

export function endpointInfoToWire(endpoint: EndpointInfo): Readonly<Record<string, unknown>> {
  return {
    ...endpointSpecToWire(endpoint),
    NetworkID: endpoint.networkId,
    EndpointID: endpoint.endpointId ?? "",
    Gateway: endpoint.gateway ?? "",
    IPAddress: endpoint.ipAddress ?? "",
    IPPrefixLen: endpoint.ipPrefixLength ?? 0,
    IPv6Gateway: endpoint.ipv6Gateway ?? "",
    GlobalIPv6Address: endpoint.globalIpv6Address ?? "",
    GlobalIPv6PrefixLen: endpoint.globalIpv6PrefixLength ?? 0,
    DNSNames: endpoint.dnsNames ?? null,
  };
}

export function endpointInfoFromWire(networkName: string, endpoint: WireObject): EndpointInfo {
  return compact<EndpointInfo>({
    ...endpointSpecFromWire(endpoint),
    networkId: endpoint.text("NetworkID") ?? "",
    networkName,
    endpointId: endpoint.filled("EndpointID"),
    gateway: endpoint.filled("Gateway"),
    ipAddress: endpoint.filled("IPAddress"),
    ipPrefixLength: endpoint.amount("IPPrefixLen"),
    ipv6Gateway: endpoint.filled("IPv6Gateway"),
    globalIpv6Address: endpoint.filled("GlobalIPv6Address"),
    globalIpv6PrefixLength: endpoint.amount("GlobalIPv6PrefixLen"),
    dnsNames: endpoint.someTexts("DNSNames"),
  });
}

/** The `Networks` of an answer. */
export function endpointsFromWire(settings: WireObject): Readonly<Record<string, EndpointInfo>> {
  return Object.fromEntries(
    settings.members("Networks").map(([name, endpoint]) => [name, endpointInfoFromWire(name, endpoint)]),
  );
}

export function endpointsToWire(
  endpoints: Readonly<Record<string, EndpointInfo>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(endpoints).map(([name, endpoint]) => [name, endpointInfoToWire(endpoint)]),
  );
}
