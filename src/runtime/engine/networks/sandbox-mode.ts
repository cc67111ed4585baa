import type { EndpointSpec } from "../../index.ts";
import type { SandboxRequest } from "../parts.ts";
import type { Network, NetworkTable } from "./network-table.ts";

/** Which namespace a container's network life takes place in. */
export type SandboxMode =
  | { readonly kind: "host" | "none" | "bridge" }
  | { readonly kind: "shared"; readonly with: string };

export function modeOf({ spec }: SandboxRequest): SandboxMode {
  const mode = spec.networkMode ?? "bridge";
  if (spec.networkDisabled === true || mode === "none") return { kind: "none" };
  if (mode === "host") return { kind: "host" };
  if (mode.startsWith("container:")) return { kind: "shared", with: mode.slice("container:".length) };
  return { kind: "bridge" };
}

export interface WantedEndpoint {
  readonly network: Network;
  readonly spec: EndpointSpec;
}

/** In the order of their interfaces: the one that the network mode names, then the rest by name. `not-found`. */
export function wantedEndpoints(request: SandboxRequest, networks: NetworkTable): readonly WantedEndpoint[] {
  const mode = request.spec.networkMode ?? "bridge";
  const named = mode === "default" ? "bridge" : mode;
  const wanted = Object.entries(request.endpoints).map(([id, spec]) => ({
    network: networks.find(id),
    spec,
  }));
  if (wanted.length === 0) return [{ network: networks.find(named), spec: {} }];
  const isFirst = ({ network: { record } }: WantedEndpoint): boolean =>
    record.name === named || record.id === named;
  const rest = wanted
    .filter((entry) => !isFirst(entry))
    .toSorted((a, b) => (a.network.record.name < b.network.record.name ? -1 : 1));
  const [main, ...more] = [...wanted.filter(isFirst), ...rest];
  if (main === undefined) return [];
  return [withContainersMac(main, request.spec.macAddress), ...more];
}

/** A MAC address given for the container is its main endpoint's. */
function withContainersMac(endpoint: WantedEndpoint, macAddress: string | undefined): WantedEndpoint {
  if (macAddress === undefined || endpoint.spec.macAddress !== undefined) return endpoint;
  return { ...endpoint, spec: { ...endpoint.spec, macAddress } };
}
