import { describe, expect, it } from "vitest";
import {
  networkElements,
  portElements,
  tableText,
} from "../../../../src/runtime/engine/networks/firewall.ts";
import type { NetworkRecord } from "../../../../src/runtime/engine/networks/network-record.ts";
import type { EndpointRecord } from "../../../../src/runtime/engine/networks/sandbox-record.ts";

const network: NetworkRecord = {
  id: "1",
  name: "net",
  driver: "bridge",
  options: {},
  labels: {},
  ipam: { driver: "default", options: {}, pools: [{ subnet: "10.0.0.0/24" }, { subnet: "fd00::/64" }] },
  hasChosenSubnet: true,
  internal: false,
  attachable: false,
  enableIpv4: true,
  enableIpv6: true,
  createdAt: "2026-01-01T00:00:00Z",
  isPredefined: false,
  bridgeName: "br0",
  ownsBridge: true,
};
const endpoint: EndpointRecord = {
  networkId: "1",
  networkName: "net",
  endpointId: "2",
  spec: {},
  ipv4: { address: "10.0.0.2", prefixLength: 24 },
  dnsNames: [],
  isInternal: false,
};
const text = (elements: ReturnType<typeof networkElements>) =>
  elements.map(({ set, key, value }) => `${set} ${key}${value === undefined ? "" : ` : ${value}`}`);

describe("rules", () => {
  it("know each network's bridge, subnets and whether it may go out", () => {
    expect(text(networkElements(network))).toEqual([
      'bridges "br0"',
      'same "br0" . "br0"',
      'own4 "br0" . 10.0.0.0/24',
      "nat4 10.0.0.0/24",
      'own6 "br0" . fd00::/64',
      "nat6 fd00::/64",
    ]);
    const internal = text(networkElements({ ...network, internal: true }));
    expect(internal).toContain('internal "br0"');
    expect(internal.some((line) => line.startsWith("nat"))).toBe(false);
    const options = { "com.docker.network.bridge.enable_icc": "false" };
    expect(text(networkElements({ ...network, options })).some((line) => line.startsWith("same"))).toBe(
      false,
    );
  });

  it("translate a port where the kernel can", () => {
    const port = { containerPort: 80, protocol: "tcp", hostPort: 8080 } as const;
    const elements = (hostIp: string) => text(portElements({ ...port, hostIp }, endpoint));
    expect(elements("0.0.0.0")).toEqual(["pub4any tcp . 8080 : 10.0.0.2 . 80"]);
    expect(elements("127.0.0.1")).toEqual(["pub4ip tcp . 127.0.0.1 . 8080 : 10.0.0.2 . 80"]);
    expect(elements("::")).toEqual([]);
    expect(elements("::1")).toEqual([]);
    const both = { ...endpoint, ipv6: { address: "fd00::2", prefixLength: 64 } };
    expect(text(portElements({ ...port, hostIp: "::" }, both))).toEqual([
      "pub6any tcp . 8080 : fd00::2 . 80",
    ]);
  });

  it("are replaced whole, the administrator's own chain apart", () => {
    const rules = tableText("t", new Map([["bridges", new Map([["x", '"br0"']])]]));
    expect(rules).toContain('add element inet t bridges { "br0" }');
    expect(rules).toContain("flush chain inet t forward");
    expect(rules).toContain("add chain inet t user\n");
    expect(rules).not.toContain("flush chain inet t user");
  });
});
