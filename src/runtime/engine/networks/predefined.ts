import { randomBytes } from "node:crypto";
import { defineBridgeNetwork } from "./define-network.ts";
import type { InterfaceNames } from "./interface-names.ts";
import { readMachineSubnets } from "./machine-subnets.ts";
import type { NetworkRecord } from "./network-record.ts";

/** The networks that are always there, each of a driver that is there once. */
export const PREDEFINED = { bridge: "bridge", host: "host", none: "null" } as const;

type PredefinedName = keyof typeof PREDEFINED;

export function predefinedNetwork(
  name: PredefinedName,
  names: InterfaceNames,
  others: readonly NetworkRecord[],
): NetworkRecord {
  return name === "bridge" ? defaultBridge(names, others) : withoutAddresses(name);
}

/** Options as Docker shows them on its own. */
export function defaultBridge(
  names: InterfaceNames,
  others: readonly NetworkRecord[],
  id = randomBytes(32).toString("hex"),
): NetworkRecord {
  const bridgeName = names.defaultBridge;
  const record = defineBridgeNetwork(
    {
      name: "bridge",
      options: {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": bridgeName,
      },
    },
    {
      id,
      now: new Date(),
      bridgeName,
      others,
      machine: readMachineSubnets().filter(({ interfaceName }) => interfaceName !== bridgeName),
      randomBytes: randomBytes(8),
    },
  );
  return { ...record, isPredefined: true };
}

function withoutAddresses(name: Exclude<PredefinedName, "bridge">): NetworkRecord {
  return {
    id: randomBytes(32).toString("hex"),
    name,
    driver: PREDEFINED[name],
    options: {},
    labels: {},
    ipam: { driver: "default", options: {}, pools: [] },
    hasChosenSubnet: false,
    internal: false,
    attachable: false,
    enableIpv4: true,
    enableIpv6: false,
    createdAt: new Date().toISOString(),
    isPredefined: true,
    bridgeName: "",
    ownsBridge: false,
  };
}
