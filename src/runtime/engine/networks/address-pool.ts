import {
  type Cidr,
  cidrOf,
  contains,
  formatIp,
  type IpAddress,
  lastOf,
  overlaps,
  parseCidr,
  parseIp,
} from "../../../lib/ip-address.ts";
import { type IpamPool, RuntimeError } from "../../index.ts";

/** Where subnets come from when nobody chose one, in Docker's order: sixteen bits of hosts, then twelve. */
const CLASS_B = Array.from({ length: 15 }, (_, index) => `172.${17 + index}.0.0/16`);
const CLASS_C = Array.from({ length: 16 }, (_, index) => `192.168.${index * 16}.0/20`);
const IPV4_SUBNETS: readonly Cidr[] = [...CLASS_B, ...CLASS_C].flatMap((text) => parseCidr(text) ?? []);

const HOST_BITS_IPV6 = 64;

/** Undefined when all are taken. */
export function freeIpv4Subnet(taken: readonly Cidr[]): Cidr | undefined {
  return IPV4_SUBNETS.find((candidate) => !taken.some((other) => overlaps(candidate, other)));
}

/** RFC 4193: `fd` and forty random bits, then a subnet number. */
export function uniqueLocalSubnet(randomBytes: Uint8Array): Cidr {
  const bits = randomBytes.slice(0, 5).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0xfdn);
  return cidrOf({ family: 6, value: bits << 80n }, HOST_BITS_IPV6);
}

/** One pool as arithmetic. */
export interface AddressPool {
  readonly subnet: Cidr;
  readonly range: Cidr;
  /** The bridge's own; absent with none. */
  readonly gateway: IpAddress;
  readonly reserved: ReadonlySet<bigint>;
}

/** The pool with its gateway filled in; `invalid` where its parts do not fit together, `forbidden` where two are one. */
export function completePool(
  pool: IpamPool & { readonly subnet: string },
): IpamPool & { readonly gateway: string } {
  const { subnet, gateway } = toAddressPool(pool);
  if (!isHost(subnet, gateway.value)) throw inUse(`gateway (${formatIp(gateway)})`);
  const given = new Set([gateway.value]);
  for (const [name, text] of Object.entries(pool.auxAddresses ?? {})) {
    const value = parseIp(text)?.value ?? gateway.value;
    if (given.has(value) || !isHost(subnet, value)) throw inUse(`secondary ip address (${name}:${text})`);
    given.add(value);
  }
  return { ...pool, gateway: formatIp(gateway) };
}

export function toAddressPool(pool: IpamPool): AddressPool {
  const subnet = parsePart("subnet", pool.subnet ?? "", parseCidr);
  if (subnet.family === 4 && subnet.prefixLength > 30 && subnet.prefixLength !== 31)
    throw new RuntimeError(
      "invalid",
      `Cannot use subnet ${pool.subnet ?? ""}: it has no room for a gateway and a container`,
    );
  const range = pool.ipRange === undefined ? subnet : parsePart("ip range", pool.ipRange, parseCidr);
  if (range.family !== subnet.family || range.base < subnet.base || lastOf(range) > lastOf(subnet))
    throw new RuntimeError(
      "invalid",
      `Cannot use ip range ${pool.ipRange ?? ""}: it is not inside ${pool.subnet ?? ""}`,
    );
  const inside = (what: string, text: string): IpAddress => {
    const address = parsePart(what, text.split("/")[0] ?? "", parseIp);
    if (!contains(subnet, address))
      throw new RuntimeError("invalid", `Cannot use ${what} ${text}: it is not inside ${pool.subnet ?? ""}`);
    return address;
  };
  const auxiliary = Object.entries(pool.auxAddresses ?? {}).map(
    ([name, text]) => inside(`address of ${name}`, text).value,
  );
  const gateway =
    pool.gateway === undefined || pool.gateway === ""
      ? firstFree(subnet, range, new Set(auxiliary))
      : inside("gateway", pool.gateway);
  return { subnet, range, gateway, reserved: new Set([...auxiliary, gateway.value]) };
}

/** The lowest address nobody has; undefined when there is none. */
export function freeAddress(pool: AddressPool, isTaken: (address: bigint) => boolean): IpAddress | undefined {
  const { first, last } = hostsOf(pool.subnet);
  const [start = first] = [first, pool.range.base].sort(descending);
  const [, end = last] = [last, lastOf(pool.range)].sort(descending);
  for (let value = start; value <= end; value++)
    if (!pool.reserved.has(value) && !isTaken(value)) return { family: pool.subnet.family, value };
  return undefined;
}

/** Neither the network's own nor set aside. */
export function isForContainers({ subnet, reserved }: AddressPool, { value }: IpAddress): boolean {
  return isHost(subnet, value) && !reserved.has(value);
}

function descending(a: bigint, b: bigint): number {
  return a > b ? -1 : a < b ? 1 : 0;
}

function firstFree(subnet: Cidr, range: Cidr, reserved: ReadonlySet<bigint>): IpAddress {
  const address = freeAddress(
    { subnet, range, gateway: { family: subnet.family, value: -1n }, reserved },
    () => false,
  );
  if (address === undefined)
    throw new RuntimeError("invalid", "Cannot choose a gateway: every address is reserved");
  return address;
}

/** Without the network's own address, and for IPv4 the broadcast one. */
function hostsOf(subnet: Cidr): { readonly first: bigint; readonly last: bigint } {
  const isPair = subnet.family === 4 && subnet.prefixLength >= 31;
  if (isPair) return { first: subnet.base, last: lastOf(subnet) };
  return { first: subnet.base + 1n, last: subnet.family === 4 ? lastOf(subnet) - 1n : lastOf(subnet) };
}

function isHost(subnet: Cidr, value: bigint): boolean {
  const { first, last } = hostsOf(subnet);
  return value >= first && value <= last;
}

/** In dockerd's words. */
function inUse(what: string): RuntimeError {
  return new RuntimeError("forbidden", `failed to allocate ${what}: Address already in use`);
}

function parsePart<T>(what: string, text: string, parse: (text: string) => T | undefined): T {
  const parsed = parse(text);
  if (parsed === undefined) throw new RuntimeError("invalid", `invalid ${what} "${text}"`);
  return parsed;
}
