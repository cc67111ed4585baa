import type { Log } from "../../../lib/log.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { EventBus } from "../event-bus.ts";
import type { Host } from "../host.ts";
import type { MachineFacts } from "../oci/machine.ts";
import type { OciRuntime } from "../oci/oci-runtime.ts";
import type { ImagePart, NetworkPart, RootfsPart, VolumePart } from "../parts.ts";
import type { AtOnce } from "./at-once.ts";
import type { Cgroups } from "./cgroups.ts";
import type { Container } from "./container.ts";
import type { ContainerTable } from "./container-table.ts";
import type { ExecState } from "./exec.ts";
import type { RecordStore } from "./record-store.ts";

/** What every operation on containers works with. */
export interface ContainersContext {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly log: Log;
  readonly images: ImagePart;
  readonly rootfs: RootfsPart;
  readonly networks: NetworkPart;
  readonly volumes: VolumePart;
  readonly oci: OciRuntime;
  /** conmon. */
  readonly monitorPath: string;
  /** tini, where it is installed. */
  readonly initPath: string | undefined;
  readonly machine: MachineFacts;
  readonly cgroups: Cgroups;
  readonly table: ContainerTable;
  readonly store: RecordStore;
  readonly events: EventBus;
  readonly execs: Map<string, ExecState>;
  /** A probe costs 22 ms of CPU: a few at once, the others wait their turn. */
  readonly probes: AtOnce;
  /** More starts at once gain nothing, and would let a short request wait for a long queue. */
  readonly launches: AtOnce;
  /** Told when a run seems to have ended: looks and settles it. */
  readonly noticeExit: (container: Container) => void;
  /** Starts under way: their parent cgroup must stay. */
  readonly activity: { starting: number };
  /** Aborts when the engine lets go; nothing of ours restarts or probes afterwards. */
  readonly closing: AbortSignal;
}
