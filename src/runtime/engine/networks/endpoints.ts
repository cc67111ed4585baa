import { randomBytes } from "node:crypto";
import { compact } from "../../../lib/compact.ts";
import { contains, ipBytes, parseCidr, parseIp } from "../../../lib/ip-address.ts";
import { type EndpointInfo, type EndpointSpec, RuntimeError } from "../../index.ts";
import { givesNames, type NetworkRecord } from "./network-record.ts";
import type { EndpointRecord } from "./sandbox-record.ts";

/** Every name under which the network's others find the container. */
export function dnsNamesOf(
  network: NetworkRecord,
  spec: EndpointSpec,
  container: { readonly containerId: string; readonly containerName: string; readonly hostname: string },
): readonly string[] {
  if (!givesNames(network)) {
    if (network.isPredefined && (spec.aliases?.length ?? 0) > 0)
      throw new RuntimeError(
        "invalid",
        "network-scoped alias is supported only for containers in user defined networks",
      );
    return [];
  }
  const shortId = container.containerId.slice(0, 12);
  return [...new Set([container.containerName, ...(spec.aliases ?? []), shortId, container.hostname])].filter(
    (name) => name !== "",
  );
}

/** Derived from the address, so that nobody's ARP cache is wrong when an address changes hands. */
export function macAddressFor(spec: EndpointSpec, ipv4: string | undefined): string {
  if (spec.macAddress !== undefined && spec.macAddress !== "") return spec.macAddress;
  const address = parseIp(ipv4 ?? "");
  const last = address === undefined ? randomBytes(4) : ipBytes(address);
  return [0x02, 0x42, ...last].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

const INTERFACE_OPTION = "com.docker.network.endpoint.ifname";
const SYSCTLS_OPTION = "com.docker.network.endpoint.sysctls";

/** As asked for, or the first free one. */
export function interfaceNameFor(spec: EndpointSpec, prefix: string, taken: readonly string[]): string {
  const wanted = spec.driverOptions?.[INTERFACE_OPTION];
  if (wanted !== undefined && wanted !== "") {
    if (taken.includes(wanted))
      throw new RuntimeError(
        "invalid",
        `Cannot name an interface "${wanted}": another endpoint has that name`,
      );
    return wanted;
  }
  for (let index = 0; ; index++) if (!taken.includes(`${prefix}${index}`)) return `${prefix}${index}`;
}

/** `net.ipv4.conf.IFNAME.log_martians=1,...` as files below /proc/sys. */
export function endpointSysctls(spec: EndpointSpec, interfaceName: string): Readonly<Record<string, string>> {
  const text = spec.driverOptions?.[SYSCTLS_OPTION] ?? "";
  return Object.fromEntries(
    text
      .split(",")
      .filter((part) => part !== "")
      .map((part) => {
        const [name = "", value = ""] = part.split("=");
        // The docker client says all of it in small letters.
        const [before, after, ...others] = name.split(/\.ifname\./i);
        if (
          !name.startsWith("net.") ||
          name.includes("/") ||
          before === undefined ||
          after === undefined ||
          others.length > 0
        )
          throw new RuntimeError(
            "invalid",
            `Cannot set "${part}": only net.*.IFNAME.* can be set for an endpoint`,
          );
        return [`${before.replaceAll(".", "/")}/${interfaceName}/${after.replaceAll(".", "/")}`, value];
      }),
  );
}

const LINK_LOCAL = [parseCidr("169.254.0.0/16"), parseCidr("fe80::/64")];

/** `169.254.8.8` with the length of its subnet; `invalid` for an address that is not link-local. */
export function linkLocalAddresses({ linkLocalIps = [] }: EndpointSpec): readonly string[] {
  return linkLocalIps.map((text) => {
    const address = parseIp(text);
    const subnet = LINK_LOCAL.find(
      (one) => one !== undefined && address !== undefined && contains(one, address),
    );
    if (subnet === undefined) throw new RuntimeError("invalid", `invalid link local IP address: ${text}`);
    return `${text}/${subnet.prefixLength}`;
  });
}

/** Whose gateway is the default route: the highest priority, then the name that sorts first. */
export function gatewayEndpoint(
  endpoints: readonly EndpointRecord[],
  family: "ipv4" | "ipv6",
): EndpointRecord | undefined {
  const priority = ({ spec }: EndpointRecord): number => spec.gatewayPriority ?? 0;
  return endpoints
    .filter((endpoint) => !endpoint.isInternal && endpoint[family]?.gateway !== undefined)
    .toSorted((a, b) => priority(b) - priority(a) || (a.networkName < b.networkName ? -1 : 1))
    .at(0);
}

/** Where published ports lead: to the way out, or to what there is. */
export function portEndpoint(endpoints: readonly EndpointRecord[]): EndpointRecord | undefined {
  return (
    gatewayEndpoint(endpoints, "ipv4") ??
    gatewayEndpoint(endpoints, "ipv6") ??
    endpoints.find((endpoint) => endpoint.ipv4 !== undefined || endpoint.ipv6 !== undefined)
  );
}

export function gatewaysOf(endpoints: readonly EndpointRecord[]): {
  readonly ipv4?: string;
  readonly ipv6?: string;
} {
  return compact<{ ipv4?: string; ipv6?: string }>({
    ipv4: gatewayEndpoint(endpoints, "ipv4")?.ipv4?.gateway,
    ipv6: gatewayEndpoint(endpoints, "ipv6")?.ipv6?.gateway,
  });
}

export function endpointInfo(endpoint: EndpointRecord): EndpointInfo {
  const { spec, networkId, networkName, endpointId, link, ipv4, ipv6, dnsNames, isInternal } = endpoint;
  return compact<EndpointInfo>({
    ...spec,
    networkId,
    networkName,
    endpointId,
    macAddress: link?.macAddress ?? spec.macAddress,
    gateway: isInternal ? undefined : ipv4?.gateway,
    ipAddress: ipv4?.address,
    ipPrefixLength: ipv4?.prefixLength,
    ipv6Gateway: isInternal ? undefined : ipv6?.gateway,
    globalIpv6Address: ipv6?.address,
    globalIpv6PrefixLength: ipv6?.prefixLength,
    dnsNames: dnsNames.length > 0 ? dnsNames : undefined,
  });
}
