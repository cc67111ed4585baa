import { describe, expect, it } from "vitest";
import {
  endpointSysctls,
  gatewaysOf,
  interfaceNameFor,
  macAddressFor,
  portEndpoint,
} from "../../../../src/runtime/engine/networks/endpoints.ts";
import {
  bindingsOf,
  parseExposedPort,
  publishedPorts,
} from "../../../../src/runtime/engine/networks/port-bindings.ts";
import type { EndpointRecord } from "../../../../src/runtime/engine/networks/sandbox-record.ts";
import type { EndpointSpec } from "../../../../src/runtime/index.ts";

const endpoint = (networkName: string, spec: EndpointSpec = {}, isInternal = false): EndpointRecord => ({
  networkId: networkName,
  networkName,
  endpointId: networkName,
  spec,
  ipv4: { address: `${networkName}.2`, prefixLength: 24, gateway: `${networkName}.1` },
  dnsNames: [],
  isInternal,
});

describe("the way out", () => {
  it("is the highest priority's, then the first name's, never an internal network's", () => {
    expect(gatewaysOf([endpoint("b"), endpoint("a")])).toEqual({ ipv4: "a.1" });
    expect(gatewaysOf([endpoint("b", { gatewayPriority: 1 }), endpoint("a")])).toEqual({ ipv4: "b.1" });
    expect(gatewaysOf([endpoint("b"), endpoint("a", {}, true)])).toEqual({ ipv4: "b.1" });
    expect(gatewaysOf([endpoint("a", {}, true)])).toEqual({});
    expect(portEndpoint([endpoint("a", {}, true)])?.networkName).toBe("a");
  });
});

describe("interfaces", () => {
  it("are named in order, or as asked", () => {
    expect(interfaceNameFor({}, "eth", ["eth0", "eth2"])).toBe("eth1");
    const driverOptions = { "com.docker.network.endpoint.ifname": "lan" };
    expect(interfaceNameFor({ driverOptions }, "eth", [])).toBe("lan");
    expect(() => interfaceNameFor({ driverOptions }, "eth", ["lan"])).toThrow(
      /another endpoint has that name/,
    );
  });

  it("have the MAC of their address, so that it moves with it", () => {
    expect(macAddressFor({}, "172.18.0.2")).toBe("02:42:ac:12:00:02");
    expect(macAddressFor({ macAddress: "02:00:00:00:00:01" }, "172.18.0.2")).toBe("02:00:00:00:00:01");
    expect(macAddressFor({}, undefined)).toMatch(/^02:42(:[0-9a-f]{2}){4}$/);
  });

  it("take kernel parameters of their own and no others", () => {
    const sysctls = (text: string) =>
      endpointSysctls({ driverOptions: { "com.docker.network.endpoint.sysctls": text } }, "eth1");
    for (const name of ["IFNAME", "ifname"])
      expect(sysctls(`net.ipv4.conf.${name}.log_martians=1`)).toEqual({
        "net/ipv4/conf/eth1/log_martians": "1",
      });
    expect(() => sysctls("net.ipv4.ip_forward=1")).toThrow(/only net/);
    expect(() => sysctls("net.ipv4.conf.IFNAME/../../x=1")).toThrow(/only net/);
  });
});

describe("published ports", () => {
  const request = (spec: object, exposedPorts: readonly string[] = []) => ({
    containerId: "c",
    containerName: "c",
    hostname: "c",
    endpoints: {},
    exposedPorts,
    spec: { image: "x", ...spec },
  });

  it("of every exposed one leave out what is bound already", () => {
    const ports = [{ containerPort: 80, protocol: "tcp", hostPort: 8080 } as const];
    expect(bindingsOf(request({ ports, publishAllPorts: true }, ["80/tcp", "80/udp"]), undefined)).toEqual([
      ...ports,
      { containerPort: 80, protocol: "udp" },
    ]);
  });

  it("show what is only exposed without a host's side", () => {
    const held = [{ containerPort: 80, protocol: "tcp", hostIp: "0.0.0.0", hostPort: 8080 } as const];
    expect(publishedPorts(["80/tcp", "443"], held)).toEqual([
      ...held,
      { containerPort: 443, protocol: "tcp" },
    ]);
  });

  it("are read as ranges too", () => {
    expect(parseExposedPort("3000-3001/udp")).toEqual([
      { containerPort: 3000, protocol: "udp" },
      { containerPort: 3001, protocol: "udp" },
    ]);
    expect(() => parseExposedPort("0/tcp")).toThrow(/invalid exposed port/);
  });
});
