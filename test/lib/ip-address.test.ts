import { describe, expect, it } from "vitest";
import {
  contains,
  formatCidr,
  formatIp,
  ipBytes,
  lastOf,
  overlaps,
  parseCidr,
  parseInterfaceAddress,
  parseIp,
} from "../../src/lib/ip-address.ts";
import { fc } from "../support/fast-check.ts";

const cidr = (text: string) => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

describe("addresses", () => {
  it.each([
    ["0.0.0.0", "0.0.0.0"],
    ["192.168.1.255", "192.168.1.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["FE80::0:1", "fe80::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["::ffff:10.0.0.1", "::ffff:a00:1"],
  ])("%s is written %s", (text, expected) => {
    const address = parseIp(text);
    expect(address && formatIp(address)).toBe(expected);
  });

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "256.0.0.1",
    "01.2.3.4",
    "1::2::3",
    "12345::",
    ":::",
    "1:2:3:4:5:6:7",
    "fe80::1%eth0",
    "10.0.0.1 ",
  ])("%j is none", (text) => expect(parseIp(text)).toBeUndefined());

  it("survive being written and read", () => {
    const ipv4 = fc
      .bigInt({ min: 0n, max: (1n << 32n) - 1n })
      .map((value) => ({ family: 4 as const, value }));
    const ipv6 = fc
      .bigInt({ min: 0n, max: (1n << 128n) - 1n })
      .map((value) => ({ family: 6 as const, value }));
    fc.assert(
      fc.property(fc.oneof(ipv4, ipv6), (address) => {
        expect(parseIp(formatIp(address))).toEqual(address);
      }),
    );
  });

  it("are bytes in network order", () => {
    const address = parseIp("10.1.2.255");
    expect(address && [...ipBytes(address)]).toEqual([10, 1, 2, 255]);
  });
});

describe("subnets", () => {
  it("drop host bits and know their end", () => {
    expect(formatCidr(cidr("10.1.2.3/16"))).toBe("10.1.0.0/16");
    expect(formatIp({ family: 4, value: lastOf(cidr("10.1.0.0/16")) })).toBe("10.1.255.255");
    expect(formatCidr(cidr("fd00:1::9/64"))).toBe("fd00:1::/64");
    for (const text of ["10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/8/8", "fd00::/129"])
      expect(parseCidr(text)).toBeUndefined();
    expect(parseInterfaceAddress("10.1.2.3/16")).toMatchObject({ prefixLength: 16 });
  });

  it("overlap when one lies in the other", () => {
    expect(overlaps(cidr("10.0.0.0/8"), cidr("10.9.0.0/16"))).toBe(true);
    expect(overlaps(cidr("10.9.0.0/16"), cidr("10.0.0.0/8"))).toBe(true);
    expect(overlaps(cidr("10.0.0.0/9"), cidr("10.128.0.0/9"))).toBe(false);
    expect(overlaps(cidr("0.0.0.0/0"), cidr("::/0"))).toBe(false);
    const inside = parseIp("10.9.1.1");
    expect(inside && contains(cidr("10.9.0.0/16"), inside)).toBe(true);
  });
});
