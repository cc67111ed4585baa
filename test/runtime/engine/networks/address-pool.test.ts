import { describe, expect, it } from "vitest";
import { formatCidr, formatIp, parseCidr, parseIp } from "../../../../src/lib/ip-address.ts";
import {
  completePool,
  freeAddress,
  freeIpv4Subnet,
  isForContainers,
  toAddressPool,
  uniqueLocalSubnet,
} from "../../../../src/runtime/engine/networks/address-pool.ts";

const cidrs = (...texts: string[]) => texts.flatMap((text) => parseCidr(text) ?? []);
const next = (taken: string[]) => {
  const subnet = freeIpv4Subnet(cidrs(...taken));
  return subnet && formatCidr(subnet);
};

describe("subnets nobody chose", () => {
  it("come from Docker's pools in Docker's order, round whatever is there", () => {
    expect(next([])).toBe("172.17.0.0/16");
    expect(next(["172.17.0.0/16", "172.18.5.0/24"])).toBe("172.19.0.0/16");
    expect(next(["172.16.0.0/12"])).toBe("192.168.0.0/20");
    expect(next(["172.16.0.0/12", "192.168.1.0/24"])).toBe("192.168.16.0/20");
    expect(next(["172.16.0.0/12", "192.168.0.0/16"])).toBeUndefined();
    expect(next(["0.0.0.0/0"])).toBeUndefined();
  });

  it("of IPv6 are unique local ones", () => {
    expect(formatCidr(uniqueLocalSubnet(Uint8Array.of(1, 2, 3, 4, 5, 6)))).toBe("fd01:203:405::/64");
  });
});

describe("addresses of a pool", () => {
  const give = (pool: Parameters<typeof toAddressPool>[0], count: number) => {
    const taken = new Set<bigint>();
    return Array.from({ length: count }, () => {
      const address = freeAddress(toAddressPool(pool), (value) => taken.has(value));
      if (address !== undefined) taken.add(address.value);
      return address && formatIp(address);
    });
  };

  it("begin after the gateway and end before the broadcast address", () => {
    expect(give({ subnet: "10.0.0.0/29" }, 7)).toEqual([
      ...["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"],
      ...[undefined, undefined],
    ]);
  });

  it("keep to the range and round what is reserved", () => {
    const pool = {
      subnet: "10.0.0.0/24",
      ipRange: "10.0.0.4/30",
      gateway: "10.0.0.5",
      auxAddresses: { a: "10.0.0.6" },
    };
    expect(give(pool, 3)).toEqual(["10.0.0.4", "10.0.0.7", undefined]);
    expect(give({ subnet: "10.0.0.4/31" }, 2)).toEqual(["10.0.0.5", undefined]);
    expect(give({ subnet: "fd00::/64" }, 2)).toEqual(["fd00::2", "fd00::3"]);
  });

  it("include a gateway that nobody chose", () => {
    expect(completePool({ subnet: "10.0.0.0/24" }).gateway).toBe("10.0.0.1");
    expect(completePool({ subnet: "10.0.0.0/24", ipRange: "10.0.0.128/25" }).gateway).toBe("10.0.0.128");
  });

  it.each([
    [{ subnet: "nonsense" }, /invalid subnet "nonsense"/],
    [{ subnet: "10.0.0.0/32" }, /no room/],
    [{ subnet: "10.0.0.0/24", ipRange: "10.0.1.0/25" }, /not inside 10.0.0.0\/24/],
    [{ subnet: "10.0.0.0/24", gateway: "10.0.1.1" }, /gateway 10.0.1.1: it is not inside/],
    [{ subnet: "10.0.0.0/24", auxAddresses: { a: "fd00::1" } }, /address of a fd00::1: it is not inside/],
  ])("say what does not fit in %o", (pool, message) => {
    expect(() => toAddressPool(pool)).toThrow(message);
  });

  it.each([
    [{ gateway: "10.0.0.0" }, "gateway (10.0.0.0)"],
    [{ gateway: "10.0.0.255" }, "gateway (10.0.0.255)"],
    [{ gateway: "10.0.0.9", auxAddresses: { a: "10.0.0.9" } }, "secondary ip address (a:10.0.0.9)"],
    [{ auxAddresses: { a: "10.0.0.9", b: "10.0.0.9" } }, "secondary ip address (b:10.0.0.9)"],
    [{ auxAddresses: { a: "10.0.0.255" } }, "secondary ip address (a:10.0.0.255)"],
  ])("refuse an address that is another's, or all hosts': %o", (pool, what) => {
    expect(() => completePool({ subnet: "10.0.0.0/24", ...pool })).toThrow(
      `failed to allocate ${what}: Address already in use`,
    );
  });
});

describe("an address that somebody asks for", () => {
  it("is neither the network's own, nor the gateway's, nor set aside", () => {
    const pool = toAddressPool({ subnet: "10.0.0.0/24", auxAddresses: { router: "10.0.0.9" } });
    const isFree = (text: string) => {
      const address = parseIp(text);
      return address !== undefined && isForContainers(pool, address);
    };
    expect(["10.0.0.0", "10.0.0.1", "10.0.0.9", "10.0.0.255"].filter(isFree)).toEqual([]);
    expect(["10.0.0.2", "10.0.0.254"].filter(isFree)).toEqual(["10.0.0.2", "10.0.0.254"]);
  });
});
