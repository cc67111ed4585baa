import { describe, expect, it } from "vitest";
import { parseCidr } from "../../../../src/lib/ip-address.ts";
import {
  defineBridgeNetwork,
  type Surroundings,
} from "../../../../src/runtime/engine/networks/define-network.ts";
import type { NetworkSpec } from "../../../../src/runtime/index.ts";

const machine = (text: string, interfaceName: string, isDirect: boolean) =>
  [parseCidr(text)].flatMap((cidr) => (cidr === undefined ? [] : [{ cidr, interfaceName, isDirect }]));

const around: Surroundings = {
  id: "1".repeat(64),
  now: new Date("2026-01-02T03:04:05Z"),
  bridgeName: "stw123456abcdef",
  others: [],
  machine: [...machine("172.17.0.0/16", "docker0", true), ...machine("172.18.0.0/15", "vpn0", false)],
  randomBytes: new Uint8Array(8),
};
const define = (spec: Omit<NetworkSpec, "name">, change: Partial<Surroundings> = {}) =>
  defineBridgeNetwork({ name: "net", ...spec }, { ...around, ...change });

describe("a new bridge network", () => {
  it("takes the first subnet that nothing on the machine has", () => {
    expect(define({}).ipam.pools).toEqual([{ subnet: "172.20.0.0/16", gateway: "172.20.0.1" }]);
    const other = define({});
    expect(define({}, { others: [other] }).ipam.pools[0]?.subnet).toBe("172.21.0.0/16");
  });

  it("may lie over a routed subnet that was chosen, not over one of a link or of another network", () => {
    const pools = (subnet: string) => ({ ipam: { pools: [{ subnet }] } });
    expect(define(pools("172.18.5.0/24"))).toMatchObject({ hasChosenSubnet: true });
    expect(() => define(pools("172.17.9.0/24"))).toThrow(
      "Pool overlaps with other one on this address space: 172.17.0.0/16 is on interface docker0",
    );
    const other = { ...define(pools("10.0.0.0/16")), name: "first" };
    expect(() => define(pools("10.0.7.0/24"), { others: [other] })).toThrow(/network first has 10.0.0.0\/16/);
    expect(() => define({ ipam: { pools: [{ subnet: "10.0.0.0/24" }, { subnet: "10.0.0.0/25" }] } })).toThrow(
      /listed twice/,
    );
  });

  it("has IPv6 when asked to, chosen or made up", () => {
    expect(define({ enableIpv6: true }).ipam.pools[1]?.subnet).toBe("fd00::/64");
    expect(
      define({ enableIpv6: true, ipam: { pools: [{ subnet: "fd12::/64" }] } }).ipam.pools.map(
        ({ subnet }) => subnet,
      ),
    ).toEqual(["fd12::/64", "172.20.0.0/16"]);
    expect(define({ enableIpv6: true, enableIpv4: false }).ipam.pools).toHaveLength(1);
    expect(() => define({ ipam: { pools: [{ subnet: "fd12::/64" }] } })).toThrow(/IPv6 is not enabled/);
    expect(() => define({ enableIpv4: false })).toThrow(/IPv4 or IPv6 must be enabled/);
  });

  it("refuses options it would have to ignore", () => {
    const options = (key: string, value: string) => ({ options: { [`com.docker.network.${key}`]: value } });
    expect(define(options("driver.mtu", "1400"))).toMatchObject({ bridgeName: "stw123456abcdef" });
    expect(define(options("bridge.name", "br-mine"))).toMatchObject({ bridgeName: "br-mine" });
    for (const [key, value, message] of [
      ["bridge.name", "much-too-long-for-an-interface", /no interface name/],
      ["driver.mtu", "small", /no MTU/],
      ["bridge.enable_icc", "maybe", /must be true or false/],
      ["bridge.gateway_mode_ipv4", "routed", /"routed" is not supported/],
      ["bridge.trusted_host_interfaces", "eth0", /is not supported/],
    ] as const)
      expect(() => define(options(key, value))).toThrow(message);
    expect(() => define({ ipam: { driver: "dhcp" } })).toThrow(/ipam driver "dhcp" not found/);
  });

  it("says what to do when no subnet is left", () => {
    const everything = machine("0.0.0.0/1", "x", false).concat(machine("128.0.0.0/1", "x", false));
    expect(() => define({}, { machine: everything })).toThrow(/fully subnetted: remove unused networks/);
  });
});
