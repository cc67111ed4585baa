import type { EndpointSpec, Protocol } from "../../index.ts";

/**
 * What one open sandbox holds of the kernel: kept below the run folder, gone after a reboot as its subject is.
 * The resolver process reads the same file.
 */
export interface SandboxRecord {
  readonly containerId: string;
  readonly containerName: string;
  readonly hostname: string;
  readonly domainname?: string;
  /** Absent: it lives in the machine's namespace, or in that of `sharedWith`. */
  readonly netnsPath?: string;
  /** The container whose namespace this one joins. */
  readonly sharedWith?: string;
  /** In the order of their interfaces. */
  readonly endpoints: readonly EndpointRecord[];
  readonly ports: readonly PortRecord[];
  readonly names: NameSettings;
}

export interface NameSettings {
  /** Resolvers chosen for this container; asked from inside its namespace. Empty: the host's. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** `host:ip`. */
  readonly extraHosts: readonly string[];
  /** `container:alias`, of the default bridge. */
  readonly links: readonly string[];
}

export interface AssignedAddress {
  readonly address: string;
  readonly prefixLength: number;
  readonly gateway?: string;
}

export interface EndpointRecord {
  readonly networkId: string;
  readonly networkName: string;
  readonly endpointId: string;
  readonly spec: EndpointSpec;
  /** Absent on `host` and `none`. */
  readonly link?: EndpointLink;
  readonly ipv4?: AssignedAddress;
  readonly ipv6?: AssignedAddress;
  /** Empty where the network gives no names. */
  readonly dnsNames: readonly string[];
  readonly isInternal: boolean;
}

export interface EndpointLink {
  readonly interfaceName: string;
  readonly hostInterface: string;
  readonly macAddress: string;
}

/** One held host port. */
export interface PortRecord {
  readonly containerPort: number;
  readonly protocol: Protocol;
  readonly hostIp: string;
  readonly hostPort: number;
}

/** The resolver answers for a container that is on a network with names. */
export function needsResolver(sandbox: SandboxRecord): boolean {
  return (
    sandbox.netnsPath !== undefined && sandbox.endpoints.some((endpoint) => endpoint.dnsNames.length > 0)
  );
}
