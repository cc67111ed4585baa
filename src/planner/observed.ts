import type {
  ContainerSpec,
  ContainerStatus,
  EndpointSpec,
  HealthcheckSpec,
  IpamPool,
  MountPoint,
  Protocol,
} from "../runtime/index.ts";

/** The world of one stack, as read from a runtime at one moment. Plain JSON; a golden case holds it in a file. */
export interface Observed {
  readonly stackName: string;
  /** Milliseconds since the epoch, of the reading. */
  readonly nowMs: number;
  /** Every container that carries the stack's project label, one-off ones too. */
  readonly containers: readonly ObservedContainer[];
  /** The stack's by label, and whatever else has a name that the stack declares. */
  readonly networks: readonly ObservedNetwork[];
  readonly volumes: readonly ObservedVolume[];
  /** By reference as the stack names it; absent when it is not here. */
  readonly images: Readonly<Record<string, ObservedImage>>;
  /** Held by somebody else; only those that the stack wants and does not hold itself. */
  readonly takenPorts: readonly TakenPort[];
}

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly status: ContainerStatus;
  readonly exitCode: number;
  /** Absent: no health check. */
  readonly health?: "starting" | "healthy" | "unhealthy";
  /** Absent: the engine does not tell. */
  readonly wasStoppedManually?: boolean;
  readonly createdAtMs: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Network name -> network id. */
  readonly networks: Readonly<Record<string, string>>;
  readonly networkMode: string;
  readonly mounts: readonly Pick<MountPoint, "type" | "name" | "source" | "target">[];
  /** Of the host, held now. */
  readonly ports?: readonly HeldPort[];
  /** How it was asked to be on each network, by name; only where somebody looked closer. */
  readonly endpoints?: Readonly<Record<string, EndpointSpec>>;
  /** What it was made from; only where somebody looked closer (to say which fields differ). */
  readonly spec?: ContainerSpec;
}

export interface ObservedNetwork {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
  readonly pools?: readonly IpamPool[];
  readonly internal?: boolean;
  readonly attachable?: boolean;
  readonly enableIpv6?: boolean;
}

export interface ObservedVolume {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options?: Readonly<Record<string, string>>;
}

export interface ObservedImage {
  readonly id: string;
  /** `VOLUME` paths. */
  readonly volumes?: readonly string[];
  readonly healthcheck?: HealthcheckSpec;
  /** Milliseconds since the epoch. */
  readonly lastTaggedAtMs?: number;
}

export interface HeldPort {
  readonly hostIp?: string;
  readonly hostPort: number;
  readonly protocol: Protocol;
}

export interface TakenPort extends HeldPort {
  /** Who has it, in words: `container "other-web-1"`, `another program`. */
  readonly by: string;
}
