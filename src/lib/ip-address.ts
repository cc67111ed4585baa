/** An IPv4 or IPv6 address as a number, so that ranges are arithmetic. */
export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Cidr {
  readonly family: 4 | 6;
  /** First address: host bits are zero. */
  readonly base: bigint;
  readonly prefixLength: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Undefined when the text is no address. Zone suffixes (`%eth0`) are no part of an address. */
export function parseIp(text: string): IpAddress | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

export function formatIp(address: IpAddress): string {
  return address.family === 4 ? formatIpv4(address.value) : formatIpv6(address.value);
}

/** Undefined when the text is no `address/length`. Host bits are dropped. */
export function parseCidr(text: string): Cidr | undefined {
  const interfaceAddress = parseInterfaceAddress(text);
  if (interfaceAddress === undefined) return undefined;
  const { address, prefixLength } = interfaceAddress;
  return cidrOf(address, prefixLength);
}

/** `10.0.0.5/24`: an address together with the size of its subnet. */
export function parseInterfaceAddress(
  text: string,
): { readonly address: IpAddress; readonly prefixLength: number } | undefined {
  const [addressText = "", lengthText = "", ...rest] = text.split("/");
  const address = parseIp(addressText);
  if (address === undefined || rest.length > 0 || !/^\d{1,3}$/.test(lengthText)) return undefined;
  const prefixLength = Number(lengthText);
  return prefixLength <= BITS[address.family] ? { address, prefixLength } : undefined;
}

export function cidrOf(address: IpAddress, prefixLength: number): Cidr {
  const hostBits = BigInt(BITS[address.family] - prefixLength);
  return { family: address.family, base: (address.value >> hostBits) << hostBits, prefixLength };
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIp({ family: cidr.family, value: cidr.base })}/${cidr.prefixLength}`;
}

export function lastOf(cidr: Cidr): bigint {
  return cidr.base + (1n << BigInt(BITS[cidr.family] - cidr.prefixLength)) - 1n;
}

export function contains(cidr: Cidr, address: IpAddress): boolean {
  return cidr.family === address.family && address.value >= cidr.base && address.value <= lastOf(cidr);
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  return a.family === b.family && a.base <= lastOf(b) && b.base <= lastOf(a);
}

/** Network byte order: 4 or 16 bytes. */
export function ipBytes(address: IpAddress): Uint8Array {
  const bytes = new Uint8Array(BITS[address.family] / 8);
  let rest = address.value;
  for (let index = bytes.length - 1; index >= 0; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  return bytes;
}

function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = (value << 8n) | BigInt(part);
  }
  return { family: 4, value };
}

function parseIpv6(text: string): IpAddress | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? "", halves.length === 1);
  const tail = groupsOf(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...tail];
  return { family: 6, value: groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n) };
}

/** `mayEndInIpv4`: the last group may be written as `127.0.0.1`. */
function groupsOf(text: string, mayEndInIpv4: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (mayEndInIpv4 && index === parts.length - 1 && part.includes(".")) {
      const ipv4 = parseIpv4(part);
      if (ipv4 === undefined) return undefined;
      groups.push(Number(ipv4.value >> 16n), Number(ipv4.value & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join(".");
}

/** RFC 5952: lower case, the longest run of zero groups (two at least) shortened. */
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - index * 16)) & 0xffffn),
  );
  let [start, length] = [-1, 1];
  for (let first = 0; first < 8; first++) {
    let end = first;
    while (groups[end] === 0) end++;
    if (end - first > length) [start, length] = [first, end - first];
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}
