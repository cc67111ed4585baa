import type { ContainerSpec, EndpointSpec, PortBinding, Protocol } from "../runtime/index.ts";
import type { Port, Service, ServiceNetwork } from "../spec/index.ts";
import { joinedMode, type Replica } from "./container-spec.ts";

/** Networks, ports, names and links of one replica. */
export function networkingOf(replica: Replica, name: string): Partial<ContainerSpec> {
  const { service, namesOf } = replica;
  const ports = (service.ports ?? []).map(bindingOf);
  const exposed = [...new Set((service.expose ?? []).flatMap(exposedOf))];
  return {
    ...(service.hostname !== undefined && { hostname: service.hostname }),
    ...(service.domainname !== undefined && { domainname: service.domainname }),
    ...attachmentsOf(replica, name),
    ...(ports.length > 0 && { ports }),
    ...(exposed.length > 0 && { exposedPorts: exposed }),
    ...(service.dns !== undefined && { dns: service.dns }),
    ...(service.dns_search !== undefined && { dnsSearch: service.dns_search }),
    ...(service.dns_opt !== undefined && { dnsOptions: service.dns_opt }),
    ...(service.extra_hosts !== undefined && { extraHosts: service.extra_hosts.map(hostOf) }),
    ...(service.network_mode !== undefined && {
      networkMode: joinedMode(service.network_mode, namesOf) ?? service.network_mode,
    }),
  };
}

function attachmentsOf(replica: Replica, name: string): Partial<ContainerSpec> {
  const { stack, service, serviceName } = replica;
  if (service.network_mode !== undefined) return {};
  const keys = networkKeysOf(service);
  const [first] = keys;
  if (first === undefined) return { networkMode: "none" };
  const links = linksOf(replica);
  const networks: Record<string, EndpointSpec> = {};
  for (const key of keys) {
    const declared = service.networks?.[key] ?? {};
    const mac = declared.mac_address ?? (key === first ? service.mac_address : undefined);
    const aliases = [...new Set([name, serviceName, ...(declared.aliases ?? [])])];
    networks[networkName(replica, key)] = endpointOf(declared, { aliases, links, mac });
  }
  return { networkMode: stack.networks[first]?.name ?? first, networks };
}

function networkName({ stack }: Replica, key: string): string {
  return stack.networks[key]?.name ?? key;
}

/** In the order of attaching: `priority` downwards, then by name. The first is the main one. */
export function networkKeysOf(service: Service): readonly string[] {
  const priority = (key: string) => service.networks?.[key]?.priority ?? 0;
  return Object.keys(service.networks ?? {}).sort(
    (a, b) => priority(b) - priority(a) || (a < b ? -1 : a > b ? 1 : 0),
  );
}

interface EndpointParts {
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly mac: string | undefined;
}

function endpointOf(declared: ServiceNetwork, { aliases, links, mac }: EndpointParts): EndpointSpec {
  const driverOptions = {
    ...declared.driver_opts,
    ...(declared.interface_name !== undefined && {
      "com.docker.network.endpoint.ifname": declared.interface_name,
    }),
  };
  return {
    aliases,
    ...(links.length > 0 && { links }),
    ...(declared.ipv4_address !== undefined && { ipv4Address: declared.ipv4_address }),
    ...(declared.ipv6_address !== undefined && { ipv6Address: declared.ipv6_address }),
    ...(declared.link_local_ips !== undefined && { linkLocalIps: declared.link_local_ips }),
    ...(mac !== undefined && { macAddress: mac }),
    ...(Object.keys(driverOptions).length > 0 && { driverOptions }),
    ...(declared.gw_priority !== undefined && { gatewayPriority: declared.gw_priority }),
  };
}

/** Every name by which Compose makes a linked container known: the alias, `service-n` and the container's own. */
function linksOf({ stack, service, namesOf }: Replica): readonly string[] {
  const own = (service.links ?? []).flatMap((link) => {
    const [target = "", alias = target] = link.split(":");
    return namesOf(target).flatMap((name, index) => [
      `${name}:${alias}`,
      `${name}:${target}-${index + 1}`,
      `${name}:${stack.name}-${target}-${index + 1}`,
    ]);
  });
  const external = (service.external_links ?? []).map((link) => {
    const [name = "", alias = name] = link.split(":");
    return `${name}:${alias}`;
  });
  return [...own, ...external];
}

/** `80`, `82-84`, `53/udp` */
function exposedOf(entry: string): readonly string[] {
  const [range = "", protocol = "tcp"] = entry.split("/");
  const [first = 0, last = first] = range.split("-").map(Number);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => `${first + index}/${protocol}`);
}

export function bindingOf(port: Port): PortBinding {
  const hostPort = publishedOf(port.published);
  return {
    containerPort: port.target,
    protocol: protocolOf(port.protocol),
    ...(port.host_ip !== undefined && port.host_ip !== "" && { hostIp: port.host_ip }),
    ...(hostPort !== undefined && { hostPort }),
  };
}

function publishedOf(published: string | undefined): PortBinding["hostPort"] {
  if (published === undefined || published === "" || published === "0") return undefined;
  const [first = 0, last] = published.split("-").map(Number);
  return last === undefined || last === first ? first : { first, last };
}

function protocolOf(text: string | undefined): Protocol {
  return text === "udp" || text === "sctp" ? text : "tcp";
}

/** "host=address" as the port wants it. */
function hostOf(entry: string): string {
  const at = entry.indexOf("=");
  return at < 0 ? entry : `${entry.slice(0, at)}:${entry.slice(at + 1)}`;
}
