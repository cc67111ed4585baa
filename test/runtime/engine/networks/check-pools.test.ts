import { describe, expect, it } from "vitest";
import { checkPools } from "../../../../src/runtime/engine/networks/check-pools.ts";

// What dockerd 28 answers to each of these.
const SUBNET = "10.61.0.0/16";

describe("the pools of a new network", () => {
  it.each([
    [{ subnet: "10.61.2.0/16" }, "invalid subnet 10.61.2.0/16: it should be 10.61.0.0/16"],
    [{ subnet: "10.61.2.0" }, "invalid subnet 10.61.2.0: invalid CIDR block notation"],
    [{ subnet: "fd12::1/64" }, "invalid subnet fd12::1/64: it should be fd12::/64"],
    [{ subnet: SUBNET, gateway: "fd00::1" }, "invalid gateway fd00::1: parent subnet is an IPv4 block"],
    [
      { subnet: SUBNET, gateway: "10.62.0.1" },
      "invalid gateway 10.62.0.1: parent subnet 10.61.0.0/16 doesn't contain this address",
    ],
    [{ subnet: SUBNET, gateway: "10.61.0.1/16" }, "invalid gateway 10.61.0.1/16: invalid address"],
    [{ subnet: SUBNET, ipRange: "10.61.2.5/24" }, "invalid ip-range 10.61.2.5/24: it should be 10.61.2.0/24"],
    [{ subnet: SUBNET, ipRange: "10.61.2.5" }, "invalid ip-range 10.61.2.5: invalid CIDR block notation"],
    [
      { subnet: SUBNET, ipRange: "10.0.0.0/8" },
      "invalid ip-range 10.0.0.0/8: CIDR block is bigger than its parent subnet 10.61.0.0/16",
    ],
    [{ subnet: SUBNET, ipRange: "fd00::/64" }, "invalid ip-range fd00::/64: parent subnet is an IPv4 block"],
    [
      { subnet: SUBNET, ipRange: "10.62.0.0/24" },
      "invalid ip-range 10.62.0.0/24: parent subnet 10.61.0.0/16 doesn't contain ip-range",
    ],
    [{ subnet: SUBNET, auxAddresses: { a: "x" } }, "invalid auxiliary address a: invalid address"],
  ])("are refused with the rule that is broken: %j", (pool, message) => {
    expect(() => checkPools([pool])).toThrow(`invalid network config:\n${message}`);
  });

  it("are refused with every rule that is broken", () => {
    const first = { subnet: "10.61.2.0/16", gateway: "x", ipRange: "y" };
    expect(() => checkPools([first, { subnet: "z" }])).toThrow(
      [
        "invalid network config:",
        "* invalid subnet 10.61.2.0/16: it should be 10.61.0.0/16",
        "* invalid ip-range y: invalid CIDR block notation",
        "* invalid gateway x: invalid address",
        "* invalid subnet z: invalid CIDR block notation",
      ].join("\n"),
    );
  });

  it("may leave the subnet to the engine", () => {
    expect(() =>
      checkPools([{}, { subnet: "" }, { subnet: SUBNET, gateway: "", ipRange: "" }]),
    ).not.toThrow();
  });
});
