import { type ContainerSpec, type EndpointSpec, RuntimeError } from "../../index.ts";
import type { NetworkPart, SandboxRequest } from "../parts.ts";
import type { Container } from "./container.ts";
import { checkEndpoint } from "./endpoint-settings.ts";
import type { ContainerRecord } from "./record.ts";

/** The network's name of a mode; undefined for `container:x`. */
export function networkOfMode(mode: string | undefined): string | undefined {
  if (mode === undefined || mode === "" || mode === "default") return "bridge";
  return mode.startsWith("container:") ? undefined : mode;
}

/**
 * A container's places on networks by network name: the one of its network mode first. A network that does not
 * exist (yet) keeps the name it was asked for by: Docker complains about it at the start only.
 */
export async function settleEndpoints(
  networks: NetworkPart,
  spec: ContainerSpec,
): Promise<Readonly<Record<string, EndpointSpec>>> {
  for (const [key, endpoint] of Object.entries(spec.networks ?? {})) {
    const network = key === "default" ? "bridge" : key;
    checkEndpoint(network, endpoint, `invalid config for network ${network}: `);
  }
  const main = spec.networkDisabled === true ? undefined : networkOfMode(spec.networkMode);
  if (main === undefined) return {};
  const nameOf = async (key: string) =>
    networks.find(key === "default" ? "bridge" : key).then(
      ({ name }) => name,
      () => key,
    );
  const mainName = await nameOf(main);
  const endpoints: Record<string, EndpointSpec> = { [mainName]: {} };
  for (const [key, endpoint] of Object.entries(spec.networks ?? {})) endpoints[await nameOf(key)] = endpoint;
  refuseCompany(Object.keys(endpoints));
  const first = endpoints[mainName];
  if (spec.macAddress !== undefined && spec.macAddress !== "" && first?.macAddress === undefined)
    endpoints[mainName] = { ...first, macAddress: spec.macAddress };
  return endpoints;
}

/** `invalid`: the machine's network and none at all can only be all there is. */
export function refuseCompany(names: readonly string[]): void {
  if (names.length < 2) return;
  if (names.includes("none"))
    throw new RuntimeError(
      "invalid",
      "container cannot be connected to multiple networks with one of the networks in private (none) mode",
    );
  if (names.includes("host"))
    throw new RuntimeError(
      "invalid",
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
}

/** By ids, which no rename changes; what is no link of the default network stays as it was asked for. */
function linkTexts({ spec, links }: ContainerRecord): readonly string[] {
  if (networkOfMode(spec.networkMode) !== "bridge") return spec.links ?? [];
  return (links ?? []).map(({ containerId, alias }) => `${containerId}:${alias}`);
}

/** What a start asks of the network part; `not-found` for a network that is not there. */
export async function sandboxRequest(networks: NetworkPart, container: Container): Promise<SandboxRequest> {
  const { record, effective } = container;
  const endpoints: Record<string, EndpointSpec> = {};
  for (const [name, endpoint] of Object.entries(record.endpoints))
    endpoints[(await networks.find(name)).id] = endpoint;
  return {
    containerId: record.id,
    containerName: record.name,
    spec: { ...record.spec, links: linkTexts(record) },
    hostname: effective.hostname,
    endpoints,
    exposedPorts: effective.exposedPorts,
  };
}
