import { readFileSync } from "node:fs";
import { type Cidr, cidrOf, parseIp } from "../../../lib/ip-address.ts";
import { parseResolvConf } from "./resolv-conf.ts";

export interface MachineSubnet {
  readonly cidr: Cidr;
  readonly interfaceName: string;
  /** No router between: another bridge, or a link of the machine. */
  readonly isDirect: boolean;
}

/** Everything the machine has a route to, the default route apart, and where its name servers are. */
export function readMachineSubnets(): readonly MachineSubnet[] {
  const servers = parseResolvConf(textOf("/etc/resolv.conf")).servers.flatMap((server) => {
    const address = parseIp(server);
    if (address === undefined) return [];
    return [{ cidr: cidrOf(address, address.family === 4 ? 32 : 128), interfaceName: "", isDirect: false }];
  });
  return [
    ...parseIpv4Routes(textOf("/proc/net/route")),
    ...parseIpv6Routes(textOf("/proc/net/ipv6_route")),
    ...servers,
  ];
}

/** The MTU of the link that leads out, where it is smaller than Ethernet's. */
export function uplinkMtu(): number | undefined {
  const [line] = textOf("/proc/net/route")
    .split("\n")
    .slice(1)
    .filter((text) => text.split("\t")[1] === "00000000");
  const name = line?.split("\t")[0];
  if (name === undefined) return undefined;
  const mtu = Number(textOf(`/sys/class/net/${name}/mtu`));
  return mtu >= 576 && mtu < 1500 ? mtu : undefined;
}

/** Columns: interface, destination, gateway, flags, ..., mask (eighth), numbers in hex, little-endian. */
export function parseIpv4Routes(text: string): readonly MachineSubnet[] {
  return text
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const columns = line.trim().split(/\s+/);
      const [interfaceName, destination, gateway, , , , , mask] = columns;
      if (interfaceName === undefined || destination === undefined || mask === undefined) return [];
      const prefixLength = bitCount(littleEndian(mask));
      if (prefixLength === 0) return [];
      const cidr = cidrOf({ family: 4, value: BigInt(littleEndian(destination)) }, prefixLength);
      return [{ cidr, interfaceName, isDirect: gateway === "00000000" }];
    });
}

/** Columns: destination, its length in hex, source, its length, next hop, metric, ..., interface (last). */
export function parseIpv6Routes(text: string): readonly MachineSubnet[] {
  return text.split("\n").flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const [destination, length, , , nextHop] = columns;
    const interfaceName = columns.at(-1);
    if (destination === undefined || length === undefined || interfaceName === undefined) return [];
    const prefixLength = Number.parseInt(length, 16);
    const value = BigInt(`0x${destination}`);
    const isSpecial = value >> 118n === 0x3fan || value >> 120n === 0xffn; // link-local, multicast
    if (prefixLength === 0 || isSpecial || interfaceName === "lo") return [];
    return [
      {
        cidr: cidrOf({ family: 6, value }, prefixLength),
        interfaceName,
        isDirect: /^0+$/.test(nextHop ?? ""),
      },
    ];
  });
}

function littleEndian(hex: string): number {
  return Buffer.from(hex, "hex").readUInt32LE(0);
}

function bitCount(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
