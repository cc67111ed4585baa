import type { EndpointRecord, SandboxRecord } from "../sandbox-record.ts";

/** Addresses of a name, or the name of an address. Undefined: not ours to answer. */
export interface Names {
  addresses(asker: SandboxRecord, name: string): readonly FoundAddress[] | undefined;
  pointer(asker: SandboxRecord, address: string): string | undefined;
}

export interface FoundAddress {
  readonly family: 4 | 6;
  readonly address: string;
}

/** A container sees the names of the networks it is on, and no others. Pure but for the turn of the round robin. */
export function namesOf(sandboxes: Iterable<SandboxRecord>): Names {
  const networks = new Map<string, Network>();
  for (const sandbox of sandboxes)
    for (const endpoint of sandbox.endpoints) {
      if (endpoint.dnsNames.length === 0) continue;
      const network = networks.get(endpoint.networkId) ?? { byName: new Map(), byAddress: new Map() };
      networks.set(endpoint.networkId, network);
      addEndpoint(network, endpoint);
    }
  let turn = 0;

  const inNetwork = (endpoint: EndpointRecord, name: string): readonly FoundAddress[] | undefined => {
    const target = linkTarget(endpoint, name) ?? name;
    return networks.get(endpoint.networkId)?.byName.get(target)?.flatMap(addressesOf);
  };

  return {
    addresses: (asker, name) => {
      const wanted = name.toLowerCase().replace(/\.$/, "");
      for (const endpoint of asker.endpoints) {
        const suffix = `.${endpoint.networkName.toLowerCase()}`;
        const found =
          inNetwork(endpoint, wanted) ??
          (wanted.endsWith(suffix) ? inNetwork(endpoint, wanted.slice(0, -suffix.length)) : undefined);
        if (found !== undefined) return rotated(found, turn++);
      }
      return undefined;
    },
    pointer: (asker, address) => {
      for (const endpoint of asker.endpoints) {
        const owner = networks.get(endpoint.networkId)?.byAddress.get(address);
        if (owner !== undefined) return `${owner.dnsNames[0] ?? ""}.${owner.networkName}`;
      }
      return undefined;
    },
  };
}

interface Network {
  readonly byName: Map<string, EndpointRecord[]>;
  readonly byAddress: Map<string, EndpointRecord>;
}

function addEndpoint(network: Network, endpoint: EndpointRecord): void {
  for (const name of new Set(endpoint.dnsNames.map((text) => text.toLowerCase()))) {
    const owners = network.byName.get(name);
    if (owners === undefined) network.byName.set(name, [endpoint]);
    else owners.push(endpoint);
  }
  for (const { address } of addressesOf(endpoint)) network.byAddress.set(address, endpoint);
}

/** The legacy links: `container:alias` gives a name that only its owner knows. */
function linkTarget(endpoint: EndpointRecord, name: string): string | undefined {
  for (const link of endpoint.spec.links ?? []) {
    const [container = "", alias = container] = link.split(":");
    if (alias.toLowerCase() === name) return container.toLowerCase();
  }
  return undefined;
}

function addressesOf(endpoint: EndpointRecord): readonly FoundAddress[] {
  return [
    ...(endpoint.ipv4 === undefined ? [] : [{ family: 4 as const, address: endpoint.ipv4.address }]),
    ...(endpoint.ipv6 === undefined ? [] : [{ family: 6 as const, address: endpoint.ipv6.address }]),
  ];
}

function rotated<T>(items: readonly T[], turn: number): readonly T[] {
  const start = items.length === 0 ? 0 : turn % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}
