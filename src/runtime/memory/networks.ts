import type { Filters, NetworkInfo, NetworkMember, NetworkSpec, Networks } from "../index.ts";
import { RuntimeError } from "../index.ts";
import { matchesLabels, matchesText, truth } from "./filters.ts";
import { joinNetwork } from "./lifecycle.ts";
import {
  type ContainerRecord,
  findContainer,
  findNetwork,
  type NetworkRecord,
  networkEvent,
  type World,
} from "./world.ts";

const PREDEFINED = ["bridge", "host", "none"] as const;

export function addPredefinedNetworks(world: World): void {
  for (const name of PREDEFINED)
    add(world, { name, driver: name === "none" ? "null" : name }, world.newId(), "172.17");
}

export function memoryNetworks(world: World): Networks {
  return {
    create: async (spec) => {
      const taken = [...world.networks.values()].some(({ info }) => info.name === spec.name);
      if (taken) throw new RuntimeError("already-exists", `network with name ${spec.name} already exists`);
      checkPools(world, spec);
      const record = add(world, spec, world.newId(), `172.${18 + world.networks.size}`);
      networkEvent(world, record, "create");
      return { id: record.info.id };
    },
    inspect: async (nameOrId) => {
      const record = findNetwork(world, nameOrId);
      return { ...record.info, members: membersOf(world, record) };
    },
    list: async (filters = {}) =>
      [...world.networks.values()]
        .filter((record) => matches(world, record, filters))
        .map(({ info }) => ({ ...info, members: [] })),
    remove: async (nameOrId) => {
      const record = findNetwork(world, nameOrId);
      if (isPredefined(record))
        throw new RuntimeError(
          "forbidden",
          `${record.info.name} is a pre-defined network and cannot be removed`,
        );
      if (usersOf(world, record).some((user) => user.status === "running" || user.status === "paused"))
        throw new RuntimeError(
          "forbidden",
          `error while removing network: network ${record.info.name} has active endpoints`,
        );
      world.networks.delete(record.info.id);
      networkEvent(world, record, "destroy");
    },
    connect: async (nameOrId, containerNameOrId, endpoint = {}) => {
      const network = findNetwork(world, nameOrId);
      const container = findContainer(world, containerNameOrId);
      if (container.endpoints.has(network.info.id))
        throw new RuntimeError(
          "forbidden",
          `endpoint with name ${container.name} already exists in network ${network.info.name}`,
        );
      container.endpoints.set(network.info.id, { networkId: network.info.id, spec: endpoint });
      if (container.status !== "running") return;
      joinNetwork(world, container, network.info.id);
      networkEvent(world, network, "connect", { container: container.id });
    },
    disconnect: async (nameOrId, containerNameOrId) => {
      const network = findNetwork(world, nameOrId);
      const container = findContainer(world, containerNameOrId);
      if (!container.endpoints.delete(network.info.id))
        throw new RuntimeError(
          "conflict",
          `container ${container.id} is not connected to network ${network.info.name}`,
        );
      networkEvent(world, network, "disconnect", { container: container.id });
    },
    prune: async (filters = {}) => {
      const removed = [...world.networks.values()].filter(
        (record) =>
          !isPredefined(record) && usersOf(world, record).length === 0 && matches(world, record, filters),
      );
      for (const record of removed) {
        world.networks.delete(record.info.id);
        networkEvent(world, record, "destroy");
      }
      return { removed: removed.map(({ info }) => info.name) };
    },
  };
}

function add(world: World, spec: NetworkSpec, id: string, prefix: string): NetworkRecord {
  const { name, driver = "bridge", options = {}, labels = {} } = spec;
  if (!["bridge", "host", "null"].includes(driver))
    throw new RuntimeError("unsupported", `plugin "${driver}" not found`);
  const subnet = spec.ipam?.pools?.[0]?.subnet;
  const own = subnet?.includes(".") === true ? subnet.split(".").slice(0, 2).join(".") : prefix;
  const pools =
    spec.ipam?.pools ?? (driver === "bridge" ? [{ subnet: `${own}.0.0/16`, gateway: `${own}.0.1` }] : []);
  const record: NetworkRecord = {
    info: {
      id,
      name,
      driver,
      options,
      labels,
      ipam: { driver: spec.ipam?.driver ?? "default", options: spec.ipam?.options ?? {}, pools },
      internal: spec.internal ?? false,
      attachable: spec.attachable ?? false,
      enableIpv4: spec.enableIpv4 ?? true,
      enableIpv6: spec.enableIpv6 ?? false,
      createdAt: new Date(world.clock.now()),
    },
    prefix: own,
    nextHost: 2,
  };
  world.networks.set(id, record);
  return record;
}

function checkPools(world: World, spec: NetworkSpec): void {
  const subnets = new Set(
    [...world.networks.values()].flatMap(({ info }) => info.ipam.pools.map((pool) => pool.subnet)),
  );
  const taken = spec.ipam?.pools?.find((pool) => pool.subnet !== undefined && subnets.has(pool.subnet));
  if (taken !== undefined)
    throw new RuntimeError("forbidden", "Pool overlaps with other one on this address space");
}

function isPredefined({ info }: NetworkRecord): boolean {
  return PREDEFINED.some((name) => name === info.name);
}

function usersOf(world: World, { info }: NetworkRecord): readonly ContainerRecord[] {
  return [...world.containers.values()].filter((record) => record.endpoints.has(info.id));
}

function membersOf(world: World, network: NetworkRecord): readonly NetworkMember[] {
  return usersOf(world, network)
    .filter((record) => record.status === "running" || record.status === "paused")
    .map((record) => {
      const live = record.endpoints.get(network.info.id)?.live;
      return {
        containerId: record.id,
        containerName: record.name,
        endpointId: live?.endpointId ?? "",
        macAddress: live?.macAddress ?? "",
        ipv4Address: live?.ipAddress === undefined ? "" : `${live.ipAddress}/${live.ipPrefixLength}`,
        ipv6Address: "",
      };
    });
}

function matches(world: World, record: NetworkRecord, filters: Filters): boolean {
  const info: Omit<NetworkInfo, "members"> = record.info;
  return Object.entries(filters).every(([key, values]) => {
    if (key === "name") return matchesText(info.name, values);
    if (key === "id") return values.some((value) => info.id.startsWith(value));
    if (key === "label") return matchesLabels(info.labels, values);
    if (key === "label!") return !matchesLabels(info.labels, values);
    if (key === "driver") return values.includes(info.driver);
    if (key === "type") return values.includes(isPredefined(record) ? "builtin" : "custom");
    if (key === "scope") return values.includes("local");
    if (key === "dangling")
      return (usersOf(world, record).length === 0 && !isPredefined(record)) === truth(values);
    throw new RuntimeError("invalid", `invalid filter '${key}'`);
  });
}
