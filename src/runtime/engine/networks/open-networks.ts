import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { overlaps, parseCidr } from "../../../lib/ip-address.ts";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { type Log, silentLog } from "../../../lib/log.ts";
import type { EndpointInfo, PortBinding } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { Host } from "../host.ts";
import type { NetworkPart, OnNamespace, Sandbox, SandboxRequest } from "../parts.ts";
import { Bridges } from "./bridges.ts";
import { networkElements } from "./firewall.ts";
import { ForwardAccepts } from "./forward-accepts.ts";
import { Forwarding } from "./forwarding.ts";
import { HeldPorts } from "./held-ports.ts";
import { InterfaceNames } from "./interface-names.ts";
import { withMachineLock } from "./machine-lock.ts";
import { readMachineSubnets } from "./machine-subnets.ts";
import type { NetworkRecord } from "./network-record.ts";
import { NetworkStore } from "./network-store.ts";
import { type Network, NetworkTable } from "./network-table.ts";
import { NetworksPort } from "./networks-port.ts";
import { NftTable } from "./nft-table.ts";
import { defaultBridge, predefinedNetwork } from "./predefined.ts";
import { rebuildSandbox } from "./rebuild-sandbox.ts";
import { ResolverClient } from "./resolver/resolver-client.ts";
import { needsResolver, type SandboxRecord } from "./sandbox-record.ts";
import { SandboxStore } from "./sandbox-store.ts";
import { Sandboxes } from "./sandboxes.ts";

export interface OpenNetworksOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly log?: Log;
}

/** Reads what is on disk; the kernel is put in order by `recover`. */
export async function openNetworks({
  layout,
  host,
  log = silentLog,
}: OpenNetworksOptions): Promise<NetworkPart> {
  const part = new NetworksOfEngine(layout, host, log);
  await part.load();
  return part;
}

class NetworksOfEngine implements NetworkPart {
  readonly port: NetworksPort;
  readonly #layout: DiskLayout;
  readonly #host: Host;
  readonly #log: Log;
  readonly #names: InterfaceNames;
  readonly #networks = new NetworkTable();
  readonly #networkStore: NetworkStore;
  readonly #sandboxStore: SandboxStore;
  readonly #table: NftTable;
  readonly #accepts: ForwardAccepts;
  readonly #forwarding: Forwarding;
  readonly #bridges: Bridges;
  readonly #ports = new HeldPorts();
  readonly #resolver: ResolverClient;
  readonly #sandboxes: Sandboxes;
  readonly #perNetwork = new KeyedMutex();

  constructor(layout: DiskLayout, host: Host, log: Log) {
    this.#layout = layout;
    this.#host = host;
    this.#log = log;
    this.#names = new InterfaceNames(layout.instance);
    this.#networkStore = new NetworkStore(layout.networksDir);
    this.#sandboxStore = new SandboxStore(layout.dnsDir);
    this.#table = new NftTable(host, `stowage_${layout.instance}`);
    this.#accepts = new ForwardAccepts(host, log);
    this.#resolver = new ResolverClient(layout.dnsDir, () => void this.#reviveResolver());
    this.#forwarding = new Forwarding({ layout, host, table: this.#table, names: this.#names });
    this.#bridges = new Bridges({
      host,
      forwarding: this.#forwarding,
      table: this.#table,
      accepts: this.#accepts,
      names: this.#names,
    });
    this.#sandboxes = new Sandboxes({
      layout,
      host,
      log,
      networks: this.#networks,
      bridges: this.#bridges,
      table: this.#table,
      ports: this.#ports,
      resolver: this.#resolver,
      store: this.#sandboxStore,
      names: this.#names,
      raise: (network) => this.#raise(network),
    });
    this.port = new NetworksPort({
      networks: this.#networks,
      store: this.#networkStore,
      bridges: this.#bridges,
      names: this.#names,
      log,
      inTurn: (work) => this.#inTurn(work),
      onNames: (hasSome) => this.#warmResolver(hasSome),
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    return withMachineLock(this.#host, this.#layout.subnetsLockPath, work);
  }

  async load(): Promise<void> {
    for (const record of await this.#networkStore.load(this.#log)) this.#networks.add(record);
    for (const name of ["bridge", "host", "none"] as const) {
      if (this.#networks.byName(name) !== undefined) continue;
      const record = predefinedNetwork(name, this.#names, this.#records());
      this.#networks.add(record);
      await this.#networkStore.save(record);
    }
  }

  async find(nameOrId: string) {
    const { id, name, driver } = this.#networks.find(nameOrId).record;
    return { id, name, driver };
  }

  async checkPorts(ports: readonly PortBinding[], containerId: string): Promise<void> {
    await this.#ports.check(containerId, ports);
  }

  openSandbox(request: SandboxRequest, onNamespace?: OnNamespace): Promise<Sandbox> {
    return this.#sandboxes.open(request, onNamespace);
  }

  closeSandbox(containerId: string): Promise<void> {
    return this.#sandboxes.close(containerId);
  }

  async attach(
    ...[containerId, networkId, endpoint]: Parameters<NetworkPart["attach"]>
  ): Promise<EndpointInfo> {
    return this.#sandboxes.attach(containerId, this.#networks.find(networkId), endpoint);
  }

  async detach(containerId: string, networkId: string): Promise<void> {
    await this.#sandboxes.detach(containerId, this.#networks.find(networkId));
  }

  rename(containerId: string, name: string): Promise<void> {
    return this.#sandboxes.rename(containerId, name);
  }

  changeLinks(request: SandboxRequest): Promise<void> {
    return this.#sandboxes.changeLinks(request);
  }

  async texts(containerId: string) {
    return this.#sandboxes.texts(containerId);
  }

  async recover(live: Parameters<NetworkPart["recover"]>[0]): Promise<void> {
    const stored = new Map(
      (await this.#sandboxStore.load(this.#log)).map((record) => [record.containerId, record]),
    );
    for (const [containerId, { request, sandbox }] of live)
      await this.#sandboxes.adopt(stored.get(containerId) ?? rebuildSandbox(request, sandbox));
    await this.#raiseAll();
    for (const record of stored.values())
      if (!live.has(record.containerId)) await this.#sandboxes.discard(record);
    await this.#removeStrayNamespaces(live);
    // Of a sandbox whose file is lost we do not know which links are its own.
    if ([...live.keys()].every((containerId) => stored.has(containerId))) await this.#removeStrayLinks();
    for (const record of this.#sandboxes.all) if (needsResolver(record)) await this.#restoreNames(record);
  }

  /** With nobody left to serve, nothing of ours stays in the kernel; else everything does, for the next start. */
  async close(): Promise<void> {
    await this.#ports.releaseAll();
    if (this.#sandboxes.all.length > 0) {
      this.#resolver.disconnect();
      return;
    }
    await this.#resolver.stop();
    for (const network of this.#networks.all)
      if (network.record.driver === "bridge") await this.#bridges.lower(network);
    await this.#accepts.removeAll(`${this.#names.bridgePrefix}+`);
    await this.#forwarding.restore();
    await this.#table.drop();
  }

  /** Again is a repair. The predefined bridge comes up with its first container. */
  #raise(network: Network): Promise<void> {
    return this.#perNetwork.run(network.record.id, () =>
      this.#inTurn(async () => {
        await this.#moveDefaultBridge(network);
        await this.#bridges.raise(network);
      }),
    );
  }

  /** Nobody has seen the predefined network's subnet while its bridge was down: another daemon may have taken it. */
  async #moveDefaultBridge(network: Network): Promise<void> {
    const { record } = network;
    if (!record.isPredefined || network.isUsed || this.#bridges.isUp(network)) return;
    const subnets = record.ipam.pools.flatMap(({ subnet }) => parseCidr(subnet ?? "") ?? []);
    const isTaken = readMachineSubnets().some(
      ({ cidr, interfaceName }) =>
        interfaceName !== record.bridgeName && subnets.some((subnet) => overlaps(subnet, cidr)),
    );
    if (!isTaken) return;
    const others = this.#records().filter(({ id }) => id !== record.id);
    const moved = defaultBridge(this.#names, others, record.id);
    network.redefine({ ...moved, createdAt: record.createdAt });
    await this.#networkStore.save(network.record);
  }

  /** First the rules as a whole, so that no packet of what runs is lost; then each bridge. */
  async #raiseAll(): Promise<void> {
    const used = new Set(
      this.#sandboxes.all.flatMap(({ endpoints }) => endpoints.map(({ networkId }) => networkId)),
    );
    const networks = this.#networks.all.filter(
      ({ record }) => record.driver === "bridge" && (!record.isPredefined || used.has(record.id)),
    );
    await this.#table.load([
      ...networks.flatMap(({ record }) => networkElements(record)),
      ...this.#sandboxes.portElements(),
      ...(await this.#forwarding.elements()),
    ]);
    for (const network of networks)
      try {
        await this.#bridges.raise(network);
      } catch (error) {
        this.#log.error("cannot bring a network up", { network: network.record.name, error });
      }
  }

  async #reviveResolver(): Promise<void> {
    // It reads every sandbox when it starts: one is enough to have it started.
    const [first] = this.#sandboxes.all.filter(needsResolver);
    if (first === undefined) return;
    this.#log.warn("the name resolver has died and is started again");
    await this.#restoreNames(first);
  }

  async #restoreNames({ containerId, containerName }: SandboxRecord): Promise<void> {
    try {
      await this.#resolver.load(containerId);
    } catch (error) {
      this.#log.error("cannot give a running container its names back", { container: containerName, error });
    }
  }

  #records(): readonly NetworkRecord[] {
    return this.#networks.all.map(({ record }) => record);
  }

  async #removeStrayNamespaces(live: ReadonlyMap<string, unknown>): Promise<void> {
    const folder = dirname(this.#layout.netnsPath("x"));
    for (const name of namesIn(folder))
      if (!live.has(basename(name))) await this.#host.removeNetns(join(folder, name));
  }

  async #removeStrayLinks(): Promise<void> {
    const known = new Set([
      // One that could not be brought up may still carry traffic.
      ...this.#networks.all
        .filter((network) => !network.record.isPredefined || network.isUsed)
        .map(({ record }) => record.bridgeName),
      ...this.#sandboxes.all.flatMap(({ endpoints }) => endpoints.map(({ link }) => link?.hostInterface)),
    ]);
    for (const name of await this.#host.linkNames())
      if (this.#names.isOurs(name) && !known.has(name)) await this.#host.removeLink(name);
  }

  /** The first container of a network with names need not wait for the resolver's start. */
  #warmResolver(hasSome: boolean): void {
    const isNeeded = hasSome || this.#sandboxes.all.some(needsResolver);
    const done = isNeeded ? this.#resolver.start() : this.#resolver.stop();
    done.catch((error: unknown) => this.#log.warn("cannot start or stop the name resolver", { error }));
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
