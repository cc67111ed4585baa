import { randomBytes } from "node:crypto";
import type { Log } from "../../../lib/log.ts";
import type { Filters, NetworkInfo, NetworkSpec, Networks } from "../../index.ts";
import { RuntimeError } from "../../index.ts";
import { checkFilterKeys, isTrueFilter, matchesLabels, matchesName, parseUntil } from "../filters.ts";
import { parseBridgeOptions, unknownOptions } from "./bridge-options.ts";
import type { Bridges } from "./bridges.ts";
import { checkPools } from "./check-pools.ts";
import { defineBridgeNetwork } from "./define-network.ts";
import type { InterfaceNames } from "./interface-names.ts";
import { readMachineSubnets } from "./machine-subnets.ts";
import type { NetworkRecord } from "./network-record.ts";
import type { NetworkStore } from "./network-store.ts";
import type { Network, NetworkTable } from "./network-table.ts";

export interface NetworksPortOptions {
  readonly networks: NetworkTable;
  readonly store: NetworkStore;
  readonly bridges: Bridges;
  readonly names: InterfaceNames;
  readonly log: Log;
  /** Alone among the daemons of the machine. */
  inTurn(work: () => Promise<void>): Promise<void>;
  /** A network with names has been made, or the last of them is gone. */
  onNames(hasSome: boolean): void;
}

const NAME = /^[^\s/\p{Cc}](?:[^/\p{Cc}]*[^\s/\p{Cc}])?$/u;

/** What the port says about networks themselves. */
export class NetworksPort implements Omit<Networks, "connect" | "disconnect"> {
  readonly #options: NetworksPortOptions;
  readonly #names = new Set<string>();

  constructor(options: NetworksPortOptions) {
    this.#options = options;
  }

  async create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warning?: string }> {
    const { networks } = this.#options;
    checkSpec(spec);
    if (this.#names.has(spec.name) || networks.byName(spec.name) !== undefined)
      throw new RuntimeError("already-exists", `network with name ${spec.name} already exists`);
    this.#names.add(spec.name);
    try {
      return await this.#create(spec);
    } finally {
      this.#names.delete(spec.name);
    }
  }

  async inspect(nameOrId: string): Promise<NetworkInfo> {
    const network = this.#options.networks.find(nameOrId);
    return { ...infoOf(network.record), members: network.members };
  }

  async list(filters: Filters = {}): Promise<readonly NetworkInfo[]> {
    return this.#matching(filters).map(({ record }) => infoOf(record));
  }

  async remove(nameOrId: string): Promise<void> {
    const network = this.#options.networks.find(nameOrId);
    const { name, isPredefined } = network.record;
    if (isPredefined)
      throw new RuntimeError("forbidden", `${name} is a pre-defined network and cannot be removed`);
    if (network.isUsed) {
      const users = network.members.map(
        ({ containerName, endpointId }) => `name:"${containerName}" id:"${endpointId.slice(0, 12)}"`,
      );
      throw new RuntimeError(
        "forbidden",
        `error while removing network: network ${name} has active endpoints (${users.join(", ")})`,
      );
    }
    await this.#remove(network);
    this.#options.onNames(this.#hasNames());
  }

  async prune(filters: Filters = {}): Promise<{ readonly removed: readonly string[] }> {
    const removed: string[] = [];
    for (const network of this.#matching(filters)) {
      if (network.record.isPredefined || network.isUsed) continue;
      const { name } = network.record;
      try {
        await this.#remove(network);
        removed.push(name);
      } catch (error) {
        this.#options.log.warn("Cannot prune a network", { name, error });
      }
    }
    this.#options.onNames(this.#hasNames());
    return { removed };
  }

  async #create(spec: NetworkSpec): Promise<{ readonly id: string; readonly warning?: string }> {
    const { networks, store, bridges, names, onNames, inTurn } = this.#options;
    const id = randomBytes(32).toString("hex");
    const chosenName = parseBridgeOptions(spec.options ?? {}).bridgeName;
    await inTurn(async () => {
      const record = defineBridgeNetwork(spec, {
        id,
        now: new Date(),
        bridgeName: names.bridge(id),
        others: networks.all.map((network) => network.record),
        machine: readMachineSubnets().filter(({ interfaceName }) => interfaceName !== chosenName),
        randomBytes: randomBytes(8),
      });
      const network = networks.add(await bridges.claimName(record));
      try {
        await bridges.raise(network);
        await store.save(network.record);
      } catch (error) {
        networks.delete(id);
        await bridges.lower(network).catch(() => undefined);
        await store.remove(id);
        throw error;
      }
    });
    onNames(true);
    const ignored = unknownOptions(spec.options ?? {});
    if (ignored.length === 0) return { id };
    return {
      id,
      warning: `the bridge driver knows no option ${ignored.map((key) => `"${key}"`).join(", ")}`,
    };
  }

  /** From here on nobody finds it, whatever happens to the rest. */
  async #remove(network: Network): Promise<void> {
    const { networks, store, bridges } = this.#options;
    networks.delete(network.record.id);
    await store.remove(network.record.id).finally(() => bridges.lower(network));
  }

  #hasNames(): boolean {
    return this.#options.networks.all.some(
      ({ record }) => record.driver === "bridge" && !record.isPredefined,
    );
  }

  #matching(filters: Filters): readonly Network[] {
    checkFilterKeys(filters, FILTERS);
    const strange = filters["type"]?.find((value) => value !== "builtin" && value !== "custom");
    if (strange !== undefined) throw new RuntimeError("invalid", `invalid filter: 'type'='${strange}'`);
    const now = Date.now();
    return this.#options.networks.all
      .filter((network) =>
        Object.entries(filters).every(([key, values]) => matches(network, key, values, now)),
      )
      .toSorted((a, b) => (a.record.name < b.record.name ? -1 : 1));
  }
}

function checkSpec({ name, driver = "bridge", ipam }: NetworkSpec): void {
  if (!NAME.test(name)) throw new RuntimeError("invalid", `invalid network name: "${name}"`);
  if (["bridge", "host", "none", "default"].includes(name))
    throw new RuntimeError("forbidden", `operation is not permitted on predefined ${name} network`);
  if (driver === "host" || driver === "null" || driver === "none")
    throw new RuntimeError("forbidden", `only one instance of "${driver}" network is allowed`);
  if (["macvlan", "ipvlan", "overlay"].includes(driver))
    throw new RuntimeError(
      "unsupported",
      `Cannot create network "${name}": the engine has no ${driver} driver, choose "bridge"`,
    );
  if (driver !== "bridge" && driver !== "")
    throw new RuntimeError("not-found", `plugin "${driver}" not found`);
  checkPools(ipam?.pools ?? []);
}

const FILTERS = new Set(["name", "id", "label", "label!", "driver", "scope", "type", "dangling", "until"]);

function infoOf(record: NetworkRecord): NetworkInfo {
  const { id, name, driver, options, labels, ipam, internal, attachable, enableIpv4, enableIpv6, createdAt } =
    record;
  return {
    id,
    name,
    driver,
    options,
    labels,
    ipam,
    internal,
    attachable,
    enableIpv4,
    enableIpv6,
    createdAt: new Date(createdAt),
    members: [],
  };
}

function matches(network: Network, key: string, values: readonly string[], now: number): boolean {
  const { record } = network;
  switch (key) {
    case "name":
      return matchesName(record.name, values);
    case "id":
      return matchesName(record.id, values);
    case "label":
      return matchesLabels(record.labels, values);
    case "label!":
      return !matchesLabels(record.labels, values);
    case "driver":
      return values.includes(record.driver);
    case "scope":
      return values.includes("local");
    case "type":
      return values.includes(record.isPredefined ? "builtin" : "custom");
    case "dangling":
      return (!record.isPredefined && !network.isUsed) === isTrueFilter(key, values);
    case "until":
      return Date.parse(record.createdAt) < Math.min(...values.map((value) => parseUntil(value, now)));
    default:
      return true;
  }
}
