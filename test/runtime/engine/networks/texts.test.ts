import { describe, expect, it } from "vitest";
import { formatCidr } from "../../../../src/lib/ip-address.ts";
import { parseExtraHost, renderHosts } from "../../../../src/runtime/engine/networks/hosts-file.ts";
import { parseIpv4Routes, parseIpv6Routes } from "../../../../src/runtime/engine/networks/machine-subnets.ts";
import { parseResolvConf, reachableServers } from "../../../../src/runtime/engine/networks/resolv-conf.ts";

describe("resolv.conf", () => {
  it("is read as the C library reads it", () => {
    const text =
      "# comment\nnameserver 10.0.0.1 ; first\nnameserver fe80::1%eth0\nnameserver nonsense\ndomain old.example\nsearch a.example b.example\noptions ndots:2 rotate\n";
    expect(parseResolvConf(text)).toEqual({
      servers: ["10.0.0.1", "fe80::1%eth0"],
      search: ["a.example", "b.example"],
      options: ["ndots:2", "rotate"],
    });
  });

  it("gives containers no server on somebody's loopback, and IPv6 ones only with IPv6", () => {
    const conf = { servers: ["127.0.0.1", "10.0.0.1", "fd00::1"], search: [], options: [] };
    expect(reachableServers(conf, false)).toEqual(["10.0.0.1"]);
    expect(reachableServers(conf, true)).toEqual(["10.0.0.1", "fd00::1"]);
  });
});

describe("hosts", () => {
  it("takes every form of an extra host", () => {
    expect(parseExtraHost("db:10.0.0.1", [])).toEqual([{ address: "10.0.0.1", names: ["db"] }]);
    expect(parseExtraHost("db=10.0.0.1", [])).toEqual([{ address: "10.0.0.1", names: ["db"] }]);
    expect(parseExtraHost("db:::1", [])).toEqual([{ address: "::1", names: ["db"] }]);
    expect(parseExtraHost("db:[fd00::1]", [])).toEqual([{ address: "fd00::1", names: ["db"] }]);
    expect(parseExtraHost("gw:host-gateway", ["10.0.0.1", "fd00::1"]).map(({ address }) => address)).toEqual([
      "10.0.0.1",
      "fd00::1",
    ]);
    for (const text of ["db", "db:", "db:10.0.0", ":10.0.0.1"])
      expect(() => parseExtraHost(text, [])).toThrow();
    expect(() => parseExtraHost("gw:host-gateway", [])).toThrow(/no way to the host/);
  });

  it("ends with the container's own lines", () => {
    const text = renderHosts(
      [{ address: "10.0.0.9", names: ["db"] }],
      [{ address: "10.0.0.2", names: ["web.example", "web"] }],
    );
    expect(text.split("\n").slice(-3)).toEqual(["10.0.0.9\tdb", "10.0.0.2\tweb.example web", ""]);
  });
});

describe("routes of the machine", () => {
  it("are read from /proc, the default ones left out", () => {
    const text = [
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
      "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0",
      "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0",
      "vpn0\t0000000A\t010200C0\t0003\t0\t0\t0\t000000FF\t0\t0\t0",
      "",
    ].join("\n");
    expect(
      parseIpv4Routes(text).map(({ cidr, interfaceName, isDirect }) => [
        formatCidr(cidr),
        interfaceName,
        isDirect,
      ]),
    ).toEqual([
      ["192.0.2.0/24", "eth0", true],
      ["10.0.0.0/8", "vpn0", false],
    ]);
    const ipv6 = [
      "fd000000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0",
      "fe800000000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     eth0",
      "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fd000000000000000000000000000001 00000400 00000001 00000000 00000003     eth0",
      "",
    ].join("\n");
    expect(parseIpv6Routes(ipv6).map(({ cidr }) => formatCidr(cidr))).toEqual(["fd00::/64"]);
  });
});
