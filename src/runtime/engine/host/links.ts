import {
  cidrOf,
  type IpAddress,
  ipBytes,
  lastOf,
  parseInterfaceAddress,
  parseIp,
} from "../../../lib/ip-address.ts";
import { hasCode } from "./mounts.ts";
import { attribute, type Netlink, nested } from "./netlink.ts";

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;
const RTM_DELROUTE = 25;
const NLM_F_REPLACE = 0x100;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;
const IFLA_BRPORT_MODE = 4;
const IFLA_BRPORT_ISOLATED = 33;
const VETH_INFO_PEER = 1;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
const IFA_F_NODAD = 2;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_ANY = 0;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const IFF_UP = 1;
const NLA_F_NESTED = 0x8000;

export interface VethPair {
  readonly hostName: string;
  readonly bridgeIndex: number;
  readonly peerName: string;
  readonly peerMac: string;
  readonly netnsFd: number;
  readonly mtu: number | undefined;
}

/** One of that name that is there already is taken as it is; a link of another kind is `ENOTSUP`. */
export function ensureBridge(netlink: Netlink, name: string, mtu: number | undefined): void {
  netlink.request(
    `create bridge ${name}`,
    RTM_NEWLINK,
    NLM_F_CREATE,
    linkHeader(),
    attribute(IFLA_IFNAME, name),
    ...(mtu === undefined ? [] : [attribute(IFLA_MTU, mtu)]),
    // With data for a bridge, even none, the kernel insists that it is one.
    nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, "bridge"), nested(IFLA_INFO_DATA)),
  );
}

/** The host's end is up and on the bridge; the other end is born inside the namespace. */
export function addVeth(netlink: Netlink, pair: VethPair): void {
  const mtu = pair.mtu === undefined ? [] : [attribute(IFLA_MTU, pair.mtu)];
  const peer = [
    linkHeader(),
    attribute(IFLA_IFNAME, pair.peerName),
    attribute(IFLA_ADDRESS, macBytes(pair.peerMac)),
    attribute(IFLA_NET_NS_FD, pair.netnsFd),
    ...mtu,
  ];
  netlink.request(
    `create interface ${pair.hostName}`,
    RTM_NEWLINK,
    NLM_F_CREATE | NLM_F_EXCL,
    linkHeader({ isUp: true }),
    attribute(IFLA_IFNAME, pair.hostName),
    attribute(IFLA_MASTER, pair.bridgeIndex),
    ...mtu,
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, "veth"),
      nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, ...peer)),
    ),
  );
}

/** `isHairpin`: frames may leave through the port they came from; `isIsolated`: no frames to other such ports. */
export function setBridgePort(
  netlink: Netlink,
  index: number,
  port: { readonly isHairpin: boolean; readonly isIsolated: boolean },
): void {
  const flag = (type: number, isSet: boolean): Buffer => attribute(type, Uint8Array.of(isSet ? 1 : 0));
  netlink.request(
    "set bridge port flags",
    RTM_NEWLINK,
    0,
    linkHeader({ index }),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_SLAVE_KIND, "bridge"),
      nested(
        IFLA_INFO_SLAVE_DATA | NLA_F_NESTED,
        flag(IFLA_BRPORT_MODE, port.isHairpin),
        flag(IFLA_BRPORT_ISOLATED, port.isIsolated),
      ),
    ),
  );
}

export function setLinkUp(netlink: Netlink, index: number): void {
  netlink.request("set link up", RTM_NEWLINK, 0, linkHeader({ index, isUp: true }));
}

/** A link that is gone already is no error. */
export function deleteLink(netlink: Netlink, name: string): void {
  try {
    netlink.request(`delete link ${name}`, RTM_DELLINK, 0, linkHeader(), attribute(IFLA_IFNAME, name));
  } catch (error) {
    if (!hasCode(error, "ENODEV")) throw error;
  }
}

/** `cidr` is the address with its subnet's length; no duplicate detection, it is ours to give. */
export function addAddress(netlink: Netlink, index: number, cidr: string): void {
  const parsed = parseInterfaceAddress(cidr);
  if (parsed === undefined) throw new Error(`"${cidr}" is no address with a prefix length`);
  const { address, prefixLength } = parsed;
  const header = Buffer.alloc(8);
  header.writeUInt8(address.family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(prefixLength, 1);
  header.writeUInt8(address.family === 6 ? IFA_F_NODAD : 0, 2);
  header.writeUInt32LE(index, 4);
  const bytes = ipBytes(address);
  netlink.request(
    `add address ${cidr}`,
    RTM_NEWADDR,
    NLM_F_CREATE | NLM_F_REPLACE,
    header,
    attribute(IFA_LOCAL, bytes),
    attribute(IFA_ADDRESS, bytes),
    ...broadcastOf(address, prefixLength),
  );
}

/** Where there is one: not in IPv6, nor in subnets of one or two addresses. */
function broadcastOf(address: IpAddress, prefixLength: number): readonly Buffer[] {
  if (address.family === 6 || prefixLength > 30) return [];
  const last = { family: 4 as const, value: lastOf(cidrOf(address, prefixLength)) };
  return [attribute(IFA_BROADCAST, ipBytes(last))];
}

/** The interface follows from the gateway unless given. */
export function addDefaultRoute(netlink: Netlink, gateway: string, index?: number): void {
  const address = parseIp(gateway);
  if (address === undefined) throw new Error(`"${gateway}" is no address`);
  netlink.request(
    `add default route via ${gateway}`,
    RTM_NEWROUTE,
    NLM_F_CREATE | NLM_F_REPLACE,
    routeHeader(address.family, RTPROT_BOOT),
    attribute(RTA_GATEWAY, ipBytes(address)),
    ...(index === undefined ? [] : [attribute(RTA_OIF, index)]),
  );
}

/** Every default route of the family: each request deletes one. */
export function deleteDefaultRoutes(netlink: Netlink, family: 4 | 6): void {
  for (;;) {
    try {
      netlink.request("delete default route", RTM_DELROUTE, 0, routeHeader(family, RTPROT_ANY));
    } catch (error) {
      if (hasCode(error, "ESRCH", "ENOENT")) return;
      throw error;
    }
  }
}

function routeHeader(family: 4 | 6, protocol: number): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt8(family === 4 ? AF_INET : AF_INET6, 0);
  header.writeUInt8(RT_TABLE_MAIN, 4);
  header.writeUInt8(protocol, 5);
  header.writeUInt8(RTN_UNICAST, 7);
  return header;
}

function linkHeader(link: { readonly index?: number; readonly isUp?: boolean } = {}): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(link.index ?? 0, 4);
  if (link.isUp === true) {
    header.writeUInt32LE(IFF_UP, 8);
    header.writeUInt32LE(IFF_UP, 12);
  }
  return header;
}

function macBytes(text: string): Uint8Array {
  const bytes = text.split(/[:-]/).map((part) => Number.parseInt(part, 16));
  if (bytes.length !== 6 || bytes.some((byte) => !(byte >= 0 && byte <= 255)))
    throw new Error(`"${text}" is no MAC address`);
  return Uint8Array.from(bytes);
}
