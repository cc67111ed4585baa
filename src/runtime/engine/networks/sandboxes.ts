import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { UndoList } from "../../../lib/undo-list.ts";
import { type EndpointInfo, type EndpointSpec, RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { OnNamespace, Sandbox, SandboxRequest } from "../parts.ts";
import { parseBridgeOptions } from "./bridge-options.ts";
import { EndpointLinks, type EndpointLinksOptions } from "./endpoint-links.ts";
import { endpointInfo } from "./endpoints.ts";
import type { Element } from "./firewall.ts";
import { nameSettings } from "./name-settings.ts";
import type { Network } from "./network-table.ts";
import { bindingsOf, publishedPorts } from "./port-bindings.ts";
import { publishedElements, SandboxKeeper, type SandboxKeeperOptions } from "./sandbox-keeper.ts";
import { modeOf, wantedEndpoints } from "./sandbox-mode.ts";
import type { SandboxRecord } from "./sandbox-record.ts";
import { type SandboxTexts, textsFor } from "./texts.ts";

export interface SandboxesOptions extends SandboxKeeperOptions, EndpointLinksOptions {
  readonly layout: DiskLayout;
}

/** The open sandboxes. Operations on one container follow each other; different ones run side by side. */
export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #keeper: SandboxKeeper;
  readonly #links: EndpointLinks;
  readonly #perContainer = new KeyedMutex();

  constructor(options: SandboxesOptions) {
    this.#options = options;
    this.#keeper = new SandboxKeeper(options);
    this.#links = new EndpointLinks(options);
  }

  get all(): readonly SandboxRecord[] {
    return this.#keeper.all;
  }

  async open(request: SandboxRequest, onNamespace: OnNamespace = () => {}): Promise<Sandbox> {
    return this.#perContainer.run(request.containerId, async () => {
      await this.#close(request.containerId);
      const mode = modeOf(request);
      if (mode.kind === "shared") return this.#openShared(request, mode.with);
      if (mode.kind === "bridge") return this.#openOnBridges(request, onNamespace);
      return this.#openAlone(request, mode.kind);
    });
  }

  async close(containerId: string): Promise<void> {
    await this.#perContainer.run(containerId, () => this.#close(containerId));
  }

  async attach(containerId: string, network: Network, spec: EndpointSpec): Promise<EndpointInfo> {
    return this.#perContainer.run(containerId, async () => {
      const before = this.#keeper.get(containerId);
      if (before === undefined)
        throw new RuntimeError("conflict", `container ${containerId.slice(0, 12)} is not running`);
      const netnsPath = netnsOfItsOwn(before, network);
      const { name } = network.record;
      if (network.hasMember(containerId))
        throw new RuntimeError(
          "forbidden",
          `endpoint with name ${before.containerName} already exists in network ${name}`,
        );
      await this.#links.raise(network);
      const endpoint = this.#links.plan(before, network, spec);
      try {
        // Its routes are set with all the others below.
        await this.#links.connect(netnsPath, network, endpoint, []);
        await this.#keeper.change(before, { ...before, endpoints: [...before.endpoints, endpoint] });
      } catch (error) {
        network.leave(containerId);
        await this.#links.disconnect(netnsPath, endpoint);
        throw error;
      }
      network.join(containerId, before.containerName, endpoint);
      return endpointInfo(endpoint);
    });
  }

  async detach(containerId: string, network: Network): Promise<void> {
    await this.#perContainer.run(containerId, async () => {
      const before = this.#keeper.get(containerId);
      const endpoint = before?.endpoints.find(({ networkId }) => networkId === network.record.id);
      if (before === undefined || endpoint === undefined) return;
      if (before.netnsPath !== undefined) await this.#links.disconnect(before.netnsPath, endpoint);
      const endpoints = before.endpoints.filter((other) => other !== endpoint);
      await this.#keeper.change(before, { ...before, endpoints });
      network.leave(containerId);
    });
  }

  async rename(containerId: string, containerName: string): Promise<void> {
    await this.#perContainer.run(containerId, async () => {
      const before = this.#keeper.get(containerId);
      if (before === undefined) return;
      const renamed = (name: string): string => (name === before.containerName ? containerName : name);
      const endpoints = before.endpoints.map((endpoint) => ({
        ...endpoint,
        dnsNames: [...new Set(endpoint.dnsNames.map(renamed))],
      }));
      await this.#keeper.change(before, { ...before, containerName, endpoints });
      this.#options.ports.rename(containerId, containerName);
      for (const endpoint of endpoints)
        this.#options.networks.byId(endpoint.networkId)?.rename(containerId, containerName, endpoint);
    });
  }

  async changeLinks({ containerId, spec }: SandboxRequest): Promise<void> {
    await this.#perContainer.run(containerId, async () => {
      const before = this.#keeper.get(containerId);
      if (before === undefined) return;
      const { links } = nameSettings(spec);
      await this.#keeper.change(before, { ...before, names: { ...before.names, links } });
    });
  }

  texts(containerId: string): SandboxTexts | undefined {
    const record = this.#keeper.get(containerId);
    if (record === undefined) return undefined;
    const owner = record.sharedWith === undefined ? undefined : this.#keeper.get(record.sharedWith);
    return textsFor(owner ?? record, this.#keeper.all);
  }

  /** Takes over what a former life of the daemon opened: names, addresses and held ports; rules are loaded apart. */
  async adopt(record: SandboxRecord): Promise<void> {
    const { networks, ports, log, store } = this.#options;
    for (const endpoint of record.endpoints)
      networks.byId(endpoint.networkId)?.join(record.containerId, record.containerName, endpoint);
    await store.save(record);
    const lost = await ports.holdAgain(record, record.ports);
    if (lost.length > 0)
      log.warn("another program has taken published ports while the daemon was away", {
        container: record.containerName,
        ports: lost.map(({ hostIp, hostPort }) => `${hostIp}:${hostPort}`),
      });
    this.#keeper.remember(record);
  }

  /** Rules for everything that is published. */
  portElements(): readonly Element[] {
    return this.all.flatMap(publishedElements);
  }

  /** Undoes what `record` describes, whether or not it is still there. */
  async discard(record: SandboxRecord): Promise<void> {
    this.#keeper.remember(record);
    await this.close(record.containerId);
  }

  async #openOnBridges(request: SandboxRequest, onNamespace: OnNamespace): Promise<Sandbox> {
    const { layout, host, networks, ports } = this.#options;
    const { containerId, containerName } = request;
    const netnsPath = layout.netnsPath(containerId);
    const undo = new UndoList();
    try {
      const wanted = wantedEndpoints(request, networks);
      for (const { network } of wanted) await this.#links.raise(network);
      let record: SandboxRecord = { ...newRecord(request), netnsPath };
      for (const { network, spec } of wanted) {
        undo.add(async () => network.leave(containerId));
        const endpoint = this.#links.plan(record, network, spec);
        record = { ...record, endpoints: [...record.endpoints, endpoint] };
      }
      textsFor(record, this.all); // complains of a bad extra host
      undo.add(() => ports.release(containerId));
      const defaults =
        wanted[0] === undefined ? undefined : parseBridgeOptions(wanted[0].network.record.options);
      record = { ...record, ports: await ports.hold(request, bindingsOf(request, defaults)) };

      undo.add(() => host.removeNetns(netnsPath));
      await this.#makeNetns(netnsPath);
      onNamespace(this.#view(request, record));
      const pairs = wanted.flatMap(({ network }, index) => {
        const endpoint = record.endpoints[index];
        return endpoint === undefined ? [] : [{ network, endpoint }];
      });
      for (const { network, endpoint } of pairs)
        await this.#links.connect(netnsPath, network, endpoint, record.endpoints);
      undo.add(() => this.#keeper.drop(record));
      await this.#keeper.change(undefined, record);
      for (const { network, endpoint } of pairs) network.join(containerId, containerName, endpoint);
      return this.#view(request, record);
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  /** On the machine's own namespace, or in one with nothing but a loopback. */
  async #openAlone(request: SandboxRequest, kind: "host" | "none"): Promise<Sandbox> {
    const { layout, host, networks } = this.#options;
    const { containerId, containerName } = request;
    const network = networks.byName(kind);
    const netnsPath = kind === "none" ? layout.netnsPath(containerId) : undefined;
    const base = { ...newRecord(request), ...(netnsPath === undefined ? {} : { netnsPath }) };
    const endpoints = network === undefined ? [] : [this.#links.plan(base, network, {})];
    const record: SandboxRecord = { ...base, endpoints };
    try {
      if (netnsPath !== undefined) await this.#makeNetns(netnsPath);
      textsFor(record, []); // complains of a bad extra host
      await this.#keeper.change(undefined, record);
    } catch (error) {
      network?.leave(containerId);
      if (netnsPath !== undefined) await host.removeNetns(netnsPath);
      throw error;
    }
    for (const endpoint of endpoints) network?.join(containerId, containerName, endpoint);
    return this.#view(request, record);
  }

  async #openShared(request: SandboxRequest, nameOrId: string): Promise<Sandbox> {
    const isNamed = ({ containerId, containerName }: SandboxRecord): boolean =>
      containerId === nameOrId || containerName === nameOrId;
    const owner =
      this.all.find(isNamed) ??
      this.all.find(({ containerId }) => nameOrId !== "" && containerId.startsWith(nameOrId));
    if (owner === undefined)
      throw new RuntimeError("conflict", `cannot join network of a non running container: ${nameOrId}`);
    // Whose namespace it is, not who leads to it: that one may end first.
    const record: SandboxRecord = {
      ...newRecord(request),
      sharedWith: owner.sharedWith ?? owner.containerId,
    };
    await this.#keeper.change(undefined, record);
    // What its image exposes is not its own to show.
    return { ...this.#view(request, record), ports: [] };
  }

  /** In place of what a crash may have left there. */
  async #makeNetns(path: string): Promise<void> {
    await this.#options.host.removeNetns(path);
    await this.#options.host.createNetns(path);
  }

  /** What cannot be taken back now is found by the next start of the daemon. */
  async #close(containerId: string): Promise<void> {
    const { host, log, networks, ports } = this.#options;
    const record = this.#keeper.get(containerId);
    if (record === undefined) return;
    const attempt = async (what: string, step: () => Promise<unknown>): Promise<void> => {
      await step().catch((error: unknown) =>
        log.error("cannot take back what a container had of the network", { what, containerId, error }),
      );
    };
    await attempt("ports", () => ports.release(containerId));
    await attempt("rules and names", () => this.#keeper.drop(record));
    const isShared = this.all.some(({ sharedWith }) => sharedWith === containerId);
    const { netnsPath } = record;
    // A namespace that somebody else is in stays, and may not keep the addresses.
    if (netnsPath !== undefined && isShared)
      for (const endpoint of record.endpoints)
        await attempt("link", () => this.#links.cut(netnsPath, endpoint));
    // Else the veth pairs go with the namespace; the kernel takes its time for that, nobody has to wait.
    if (netnsPath !== undefined) await attempt("namespace", () => host.removeNetns(netnsPath));
    for (const { networkId } of record.endpoints) networks.byId(networkId)?.leave(containerId);
  }

  #view(request: SandboxRequest, record: SandboxRecord): Sandbox {
    const texts = this.texts(record.containerId) ?? textsFor(record, this.all);
    return {
      ...(record.netnsPath === undefined ? {} : { netnsPath: record.netnsPath }),
      endpoints: Object.fromEntries(
        record.endpoints.map((endpoint) => [endpoint.networkName, endpointInfo(endpoint)]),
      ),
      ports: publishedPorts(request.exposedPorts, record.ports),
      ...texts,
    };
  }
}

function newRecord({ containerId, containerName, hostname, spec }: SandboxRequest): SandboxRecord {
  return {
    containerId,
    containerName,
    hostname,
    ...(spec.domainname === undefined ? {} : { domainname: spec.domainname }),
    endpoints: [],
    ports: [],
    names: nameSettings(spec),
  };
}

function netnsOfItsOwn({ netnsPath }: SandboxRecord, network: Network): string {
  if (netnsPath !== undefined && network.record.driver === "bridge") return netnsPath;
  throw new RuntimeError(
    "forbidden",
    "container sharing network namespace with another container or host cannot be connected to any other network",
  );
}
