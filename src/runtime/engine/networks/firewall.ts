import { parseIp } from "../../../lib/ip-address.ts";
import { parseBridgeOptions } from "./bridge-options.ts";
import type { NetworkRecord } from "./network-record.ts";
import type { EndpointRecord, PortRecord } from "./sandbox-record.ts";

/**
 * The rules of one daemon, in one table of its own. Rules never change; what networks and ports there are is in sets
 * and maps, so that a packet and a change cost the same whatever their number.
 */
export const SETS = {
  /** Every bridge of ours. */
  bridges: "set bridges { type ifname; }",
  /** Pairs of bridges that may talk: each with itself, unless its members may not. */
  same: "set same { type ifname . ifname; }",
  /** Bridges with no way out. */
  internal: "set internal { type ifname; }",
  /** Interfaces that did not forward to each other before we made the machine forward. */
  strangers4: "set strangers4 { type ifname; }",
  strangers6: "set strangers6 { type ifname; }",
  /** Sources that leave under the host's address. */
  nat4: "set nat4 { type ipv4_addr; flags interval; }",
  nat6: "set nat6 { type ipv6_addr; flags interval; }",
  /** Each bridge with its own subnet: the input interface is unknown in postrouting under br_netfilter. */
  own4: "set own4 { type ifname . ipv4_addr; flags interval; }",
  own6: "set own6 { type ifname . ipv6_addr; flags interval; }",
  /** Published ports, on every address and on one. */
  pub4any: "map pub4any { type inet_proto . inet_service : ipv4_addr . inet_service; }",
  pub4ip: "map pub4ip { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service; }",
  pub6any: "map pub6any { type inet_proto . inet_service : ipv6_addr . inet_service; }",
  pub6ip: "map pub6ip { type inet_proto . ipv6_addr . inet_service : ipv6_addr . inet_service; }",
} as const;

export type SetName = keyof typeof SETS;

const PROTOCOLS = "meta l4proto { tcp, udp, sctp }";

/** `user` is the administrator's: never flushed, asked first about everything that is forwarded. */
const CHAINS: Readonly<Record<string, readonly string[]>> = {
  // A bridge routes the loopback net (for 127.0.0.1:port), so it must take none from its containers.
  guard: [
    "type filter hook prerouting priority raw; policy accept;",
    "iifname @bridges ip daddr 127.0.0.0/8 drop",
  ],
  dnat4: [
    "dnat ip to meta l4proto . ip daddr . th dport map @pub4ip",
    "dnat ip to meta l4proto . th dport map @pub4any",
  ],
  dnat6: [
    "dnat ip6 to meta l4proto . ip6 daddr . th dport map @pub6ip",
    "dnat ip6 to meta l4proto . th dport map @pub6any",
  ],
  prerouting: [
    "type nat hook prerouting priority dstnat; policy accept;",
    // A neighbour that routes 127.0.0.1 to us must not reach what is published there.
    'iifname != "lo" ip daddr 127.0.0.0/8 return',
    `${PROTOCOLS} fib daddr type local meta nfproto ipv4 jump dnat4`,
    `${PROTOCOLS} fib daddr type local meta nfproto ipv6 jump dnat6`,
  ],
  output: [
    "type nat hook output priority -100; policy accept;",
    `${PROTOCOLS} fib daddr type local meta nfproto ipv4 jump dnat4`,
    `${PROTOCOLS} ip6 daddr != ::1 fib daddr type local meta nfproto ipv6 jump dnat6`,
  ],
  postrouting: [
    "type nat hook postrouting priority srcnat; policy accept;",
    "oifname @bridges ip saddr 127.0.0.0/8 masquerade",
    // Hairpin: a container reaches a published port of its own network, and the answer must come back this way.
    "ct status dnat oifname . ip saddr @own4 masquerade",
    "ct status dnat oifname . ip6 saddr @own6 masquerade",
    // An internal container has no route back to whoever asks a port it publishes.
    "ct status dnat oifname @internal masquerade",
    "oifname != @bridges ip saddr @nat4 masquerade",
    "oifname != @bridges ip6 saddr @nat6 masquerade",
  ],
  forward: [
    "type filter hook forward priority filter; policy accept;",
    "jump user",
    "meta nfproto ipv4 iifname @strangers4 oifname @strangers4 drop",
    "meta nfproto ipv6 iifname @strangers6 oifname @strangers6 drop",
    "iifname != @bridges oifname != @bridges accept",
    "ct state established,related accept",
    "iifname . oifname @same accept",
    "iifname @internal drop",
    "ct status dnat accept",
    "oifname @bridges drop",
    "accept",
  ],
  // The host is outside too: an internal container may only answer it.
  input: [
    "type filter hook input priority filter; policy accept;",
    "iifname @internal ct state established,related accept",
    "iifname @internal meta l4proto { icmp, ipv6-icmp } accept",
    "iifname @internal drop",
  ],
};

/** One batch that leaves the table as wanted, whatever it was: no packet sees a state between. */
export function tableText(
  table: string,
  elements: ReadonlyMap<SetName, ReadonlyMap<string, string>>,
): string {
  const names = Object.keys(SETS) as SetName[];
  const lines = [
    `add table inet ${table}`,
    ...Object.entries(SETS).map(([name, text]) =>
      text.replace(/^(set|map) \w+/, `add $1 inet ${table} ${name}`),
    ),
    `add chain inet ${table} user`,
    ...Object.entries(CHAINS).flatMap(([name, [head = ""]]) => [
      `add chain inet ${table} ${name}${head.startsWith("type ") ? ` { ${head} }` : ""}`,
      `flush chain inet ${table} ${name}`,
    ]),
    ...Object.entries(CHAINS).flatMap(([name, rules]) =>
      rules
        .filter((rule) => !rule.startsWith("type "))
        .map((rule) => `add rule inet ${table} ${name} ${rule}`),
    ),
    ...names.map((name) => `flush ${kindOf(name)} inet ${table} ${name}`),
    ...names.flatMap((name) => {
      const entries = [...(elements.get(name)?.values() ?? [])];
      return entries.length === 0 ? [] : [`add element inet ${table} ${name} { ${entries.join(", ")} }`];
    }),
  ];
  return `${lines.join("\n")}\n`;
}

function kindOf(name: SetName): "set" | "map" {
  return SETS[name].startsWith("map") ? "map" : "set";
}

/** One member of a set; of a map, with the value it leads to. */
export interface Element {
  readonly set: SetName;
  readonly key: string;
  readonly value?: string;
}

export function elementText({ key, value }: Element): string {
  return value === undefined ? key : `${key} : ${value}`;
}

export function networkElements(network: NetworkRecord): readonly Element[] {
  const bridge = `"${network.bridgeName}"`;
  const options = parseBridgeOptions(network.options);
  const subnets = network.ipam.pools.flatMap(({ subnet }) => (subnet === undefined ? [] : [subnet]));
  const masquerades = options.masquerades && !network.internal;
  return [
    { set: "bridges", key: bridge },
    ...(options.allowsInterContainer ? [{ set: "same" as const, key: `${bridge} . ${bridge}` }] : []),
    ...(network.internal ? [{ set: "internal" as const, key: bridge }] : []),
    ...subnets.flatMap((subnet): Element[] => {
      const family = subnet.includes(":") ? 6 : 4;
      return [
        { set: `own${family}`, key: `${bridge} . ${subnet}` },
        ...(masquerades ? [{ set: `nat${family}` as const, key: subnet }] : []),
      ];
    }),
  ];
}

/** Nothing where the kernel cannot translate: loopback of IPv6, and IPv6 to a container without it. */
export function portElements(port: PortRecord, endpoint: EndpointRecord): readonly Element[] {
  const host = parseIp(port.hostIp);
  if (host === undefined || port.hostIp === "::1") return [];
  const target = host.family === 4 ? endpoint.ipv4 : endpoint.ipv6;
  if (target === undefined) return [];
  const isAny = host.value === 0n;
  const set: SetName = host.family === 4 ? (isAny ? "pub4any" : "pub4ip") : isAny ? "pub6any" : "pub6ip";
  const key = isAny
    ? `${port.protocol} . ${port.hostPort}`
    : `${port.protocol} . ${port.hostIp} . ${port.hostPort}`;
  return [{ set, key, value: `${target.address} . ${port.containerPort}` }];
}
