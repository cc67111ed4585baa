import type { Readable } from "node:stream";
import type { Filters } from "./events.ts";
import type { CommitOptions, HealthcheckSpec, RegistryCredentials } from "./images.ts";
import type { EndpointInfo, EndpointSpec } from "./networks.ts";

export type RestartPolicy =
  | { readonly name: "no" | "always" | "unless-stopped" }
  | { readonly name: "on-failure" /** 0: for ever. */; readonly maximumRetryCount: number };

export type Protocol = "tcp" | "udp" | "sctp";

export interface PortBinding {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** Absent: every address, IPv4 and IPv6. */
  readonly hostIp?: string;
  /** Absent: any free port, chosen at start. A range: the first free one of it. */
  readonly hostPort?: number | { readonly first: number; readonly last: number };
}

export type MountSpec =
  | {
      readonly type: "bind";
      /** Absolute host path. */
      readonly source: string;
      readonly target: string;
      readonly readOnly?: boolean;
      readonly propagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
      /** Default true: `-v` semantics; false: a missing source is `invalid` (`--mount` semantics). */
      readonly createHostPath?: boolean;
      readonly nonRecursive?: boolean;
      /**
       * What is mounted below a read-only one. Absent: read-only too, where the kernel can (5.12). `as-it-is`: as writable
       * as it was. `read-only`: a kernel that cannot is `unsupported`. Without `readOnly` both are `invalid`.
       */
      readonly mountedBelow?: "as-it-is" | "read-only";
    }
  | {
      readonly type: "volume";
      /** Absent: anonymous. Created when it does not exist. */
      readonly source?: string;
      readonly target: string;
      readonly readOnly?: boolean;
      /** No copy-up of the image's content into a new volume. */
      readonly noCopy?: boolean;
      readonly subpath?: string;
      readonly driver?: string;
      readonly driverOptions?: Readonly<Record<string, string>>;
      readonly labels?: Readonly<Record<string, string>>;
    }
  | {
      readonly type: "tmpfs";
      readonly target: string;
      readonly readOnly?: boolean;
      readonly sizeBytes?: number;
      readonly mode?: number;
      /** Further mount options (`noexec`, `uid=1000`). */
      readonly options?: readonly string[];
    }
  | { readonly type: "image"; readonly source: string; readonly target: string; readonly subpath?: string };

export interface Ulimit {
  readonly name: string;
  /** -1: unlimited. */
  readonly soft: number;
  readonly hard: number;
}

export interface DeviceMapping {
  readonly hostPath: string;
  readonly containerPath: string;
  /** Of `r`, `w`, `m`. */
  readonly permissions: string;
}

export interface DeviceRate {
  readonly path: string;
  readonly rate: number;
}

/** Limits; everything here can be changed on a running container with `update`. */
export interface Resources {
  readonly memoryBytes?: number;
  readonly memoryReservationBytes?: number;
  /** Memory plus swap; -1 unlimited. */
  readonly memorySwapBytes?: number;
  readonly memorySwappiness?: number;
  /** 1e9 is one CPU. */
  readonly nanoCpus?: number;
  readonly cpuShares?: number;
  readonly cpuPeriodUs?: number;
  readonly cpuQuotaUs?: number;
  readonly cpuRealtimePeriodUs?: number;
  readonly cpuRealtimeRuntimeUs?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** 0 or -1: unlimited. */
  readonly pidsLimit?: number;
  readonly blkioWeight?: number;
  readonly blkioWeightDevices?: readonly { readonly path: string; readonly weight: number }[];
  readonly blkioReadBps?: readonly DeviceRate[];
  readonly blkioWriteBps?: readonly DeviceRate[];
  readonly blkioReadIops?: readonly DeviceRate[];
  readonly blkioWriteIops?: readonly DeviceRate[];
  readonly oomKillDisable?: boolean;
}

/**
 * Everything a container is made of: exactly what `create` receives. Absent means the image's value, then
 * Docker's default. Pure data: it is hashed by the planner, stored by the engine, and shown by `inspect`.
 */
export interface ContainerSpec {
  /** Reference or id. */
  readonly image: string;
  readonly platform?: string;
  readonly command?: readonly string[];
  /** `[]` clears the image's entrypoint. */
  readonly entrypoint?: readonly string[];
  /** `KEY=value`; a bare `KEY` removes the image's value. */
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly workingDir?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly tty?: boolean;
  /** The terminal's size before anybody resizes it. */
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
  readonly openStdin?: boolean;
  /** Close the container's stdin when the first attached client ends its own. */
  readonly stdinOnce?: boolean;
  /** Kept for `inspect`; streams are always available. */
  readonly attachStdin?: boolean;
  readonly attachStdout?: boolean;
  readonly attachStderr?: boolean;
  readonly stopSignal?: string;
  /** Seconds; -1 waits for ever; Docker's default is 10. */
  readonly stopTimeoutSeconds?: number;
  readonly healthcheck?: HealthcheckSpec;
  readonly restartPolicy?: RestartPolicy;
  /** Removed by the engine itself when it exits (`--rm`); illegal with a restart policy. */
  readonly autoRemove?: boolean;
  readonly init?: boolean;

  /** Two at one target are `invalid`, unless one is a bare volume: it gives way, to `volumesFrom` as well. */
  readonly mounts?: readonly MountSpec[];
  /** `container[:ro|rw]`. */
  readonly volumesFrom?: readonly string[];
  readonly readOnlyRootfs?: boolean;
  readonly shmSizeBytes?: number;
  /** Docker's driver for the volumes whose mounts name none, kept for who reads it back. */
  readonly volumeDriver?: string;
  readonly storageOptions?: Readonly<Record<string, string>>;

  /** `bridge` (default), `host`, `none`, `container:<name or id>`, or a network's name. */
  readonly networkMode?: string;
  /** By network name or id; the one named by `networkMode` is the first. */
  readonly networks?: Readonly<Record<string, EndpointSpec>>;
  readonly networkDisabled?: boolean;
  readonly macAddress?: string;
  readonly exposedPorts?: readonly string[];
  readonly ports?: readonly PortBinding[];
  readonly publishAllPorts?: boolean;
  readonly dns?: readonly string[];
  readonly dnsSearch?: readonly string[];
  readonly dnsOptions?: readonly string[];
  /** `host:ip`; `host-gateway` as ip is the host. */
  readonly extraHosts?: readonly string[];
  readonly links?: readonly string[];

  /** `private` (default), `shareable`, `host`, `none`, `container:<id>`. */
  readonly ipcMode?: string;
  /** `` (private), `host`, `container:<id>`. */
  readonly pidMode?: string;
  readonly utsMode?: string;
  /** Docker's word for what there is on Linux anyway, kept for who reads it back. */
  readonly isolation?: "default";
  readonly cgroupnsMode?: "private" | "host";
  readonly usernsMode?: string;
  readonly cgroupParent?: string;
  readonly privileged?: boolean;
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly securityOptions?: readonly string[];
  readonly devices?: readonly DeviceMapping[];
  readonly deviceCgroupRules?: readonly string[];
  readonly deviceRequests?: readonly {
    readonly driver?: string;
    readonly count?: number;
    readonly deviceIds?: readonly string[];
    readonly capabilities?: readonly (readonly string[])[];
    readonly options?: Readonly<Record<string, string>>;
  }[];
  readonly ulimits?: readonly Ulimit[];
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly oomScoreAdj?: number;
  /** Absent: Docker's lists; `[]`: none. */
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly runtime?: string;
  readonly resources?: Resources;
  readonly log?: { readonly driver?: string; readonly options?: Readonly<Record<string, string>> };
}

export type ContainerStatus =
  | "created"
  | "running"
  | "paused"
  | "restarting"
  | "removing"
  | "exited"
  | "dead";

export interface ProbeResult {
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly exitCode: number;
  /** At most 4096 bytes. */
  readonly output: string;
}

export interface Health {
  readonly status: "starting" | "healthy" | "unhealthy";
  readonly failingStreak: number;
  /** The last five. */
  readonly log: readonly ProbeResult[];
}

export interface ContainerState {
  readonly status: ContainerStatus;
  /** Host pid of the first process; 0 when none runs. */
  readonly pid: number;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt?: Date;
  readonly finishedAt?: Date;
  readonly health?: Health;
  /** A person or a client stopped it (stop or kill), it did not end by itself. Unknown on foreign engines. */
  readonly wasStoppedManually?: boolean;
}

export interface MountPoint {
  readonly type: MountSpec["type"];
  /** Volume's name. */
  readonly name?: string;
  readonly source: string;
  readonly target: string;
  readonly driver?: string;
  readonly mode: string;
  readonly isReadWrite: boolean;
  readonly propagation: string;
}

export interface PublishedPort {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** Absent: exposed, not published. */
  readonly hostIp?: string;
  readonly hostPort?: number;
}

export interface ContainerSummary {
  readonly id: string;
  /** Without a leading slash. */
  readonly name: string;
  /** As asked for at create. */
  readonly image: string;
  readonly imageId: string;
  /** The argv, entrypoint first. */
  readonly command: readonly string[];
  readonly createdAt: Date;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly MountPoint[];
  readonly networkMode: string;
  readonly endpoints: Readonly<Record<string, EndpointInfo>>;
  readonly restartCount: number;
  /** Further names that legacy links give it: `container/alias`, without a leading slash. */
  readonly linkNames?: readonly string[];
  readonly sizes?: { readonly writableBytes: number; readonly rootfsBytes: number };
}

export interface ContainerInfo extends ContainerSummary {
  /** As `create` received it, with the image's defaults not folded in. */
  readonly spec: ContainerSpec;
  /** With the image's defaults folded in: what runs. */
  readonly effective: {
    readonly path: string;
    readonly args: readonly string[];
    readonly env: readonly string[];
    readonly entrypoint: readonly string[] | undefined;
    readonly cmd: readonly string[] | undefined;
    readonly user: string;
    readonly workingDir: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly exposedPorts: readonly string[];
    readonly volumes: readonly string[];
    readonly stopSignal: string | undefined;
    readonly healthcheck: HealthcheckSpec | undefined;
    readonly hostname: string;
  };
  /** Its legacy links as they are now, `/target:/container/alias`: they follow renames, and go with `removeLink`. */
  readonly links?: readonly string[];
  readonly execIds: readonly string[];
  readonly paths: {
    readonly log: string;
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
  };
  readonly sandboxId: string;
  /** Absent where there is no AppArmor, and on engines that do not tell. */
  readonly apparmorProfile?: string;
  /** Overlay folders; empty on engines that do not tell. */
  readonly graph: Readonly<Record<string, string>>;
}

export type OutputStream = "stdout" | "stderr";

export interface LogOptions {
  readonly follow?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Nanoseconds since the epoch. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** The last so many lines; absent: all. */
  readonly tail?: number;
  /** Entries carry the times of their lines. */
  readonly timestamps?: boolean;
  readonly signal?: AbortSignal;
}

/** Lines of one stream that follow each other. */
export interface LogEntry {
  readonly stream: OutputStream;
  /**
   * Bytes as written, newlines included. What has no newline, a piece of a long line or a last line, ends its
   * entry when there are times.
   */
  readonly data: Uint8Array;
  /** When each line of `data` began, in nanoseconds since the epoch; only with `timestamps`. */
  readonly timesNs?: readonly bigint[];
}

export interface OutputChunk {
  readonly stream: OutputStream;
  readonly data: Uint8Array;
}

/** A live connection to a process's streams. Ends when the process's output ends or `signal` aborts. */
export interface Session {
  readonly output: AsyncIterable<OutputChunk>;
  /** Rejects when stdin is not open. `end` is end-of-file for the process. */
  write(data: Uint8Array): Promise<void>;
  end(): Promise<void>;
  resize(size: { readonly rows: number; readonly columns: number }): Promise<void>;
  /** Lets go without ending the process: `output` ends. `isDetached`: a person has typed the keys for it. */
  close(how?: { readonly isDetached?: boolean }): void;
}

export interface AttachOptions {
  readonly stdin?: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Replay what was logged since the start first. */
  readonly logs?: boolean;
  /** Live output too. Default true. */
  readonly stream?: boolean;
  readonly signal?: AbortSignal;
}

export interface ExecSpec {
  readonly command: readonly string[];
  readonly env?: readonly string[];
  readonly user?: string;
  readonly workingDir?: string;
  readonly tty?: boolean;
  readonly attachStdin?: boolean;
  readonly attachStdout?: boolean;
  readonly attachStderr?: boolean;
  readonly privileged?: boolean;
  readonly detachKeys?: string;
  readonly consoleSize?: { readonly rows: number; readonly columns: number };
}

export interface ExecInfo {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly isRunning: boolean;
  /** Absent while it runs or has not started. 126/127 when the command could not be started. */
  readonly exitCode?: number;
  readonly pid: number;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface WaitResult {
  readonly exitCode: number;
  readonly error?: string;
}

export interface ContainerStats {
  readonly readAt: Date;
  readonly previousReadAt?: Date;
  readonly pids: number;
  readonly pidsLimit?: number;
  readonly cpu: CpuStats;
  readonly previousCpu?: CpuStats;
  readonly memory: {
    readonly usageBytes: number;
    readonly limitBytes: number;
    readonly maxUsageBytes?: number;
    readonly failures?: number;
    readonly stats: Readonly<Record<string, number>>;
  };
  readonly blockIo: readonly {
    readonly major: number;
    readonly minor: number;
    readonly op: string;
    readonly value: number;
  }[];
  readonly networks: Readonly<
    Record<
      string,
      {
        readonly rxBytes: number;
        readonly rxPackets: number;
        readonly rxErrors: number;
        readonly rxDropped: number;
        readonly txBytes: number;
        readonly txPackets: number;
        readonly txErrors: number;
        readonly txDropped: number;
      }
    >
  >;
}

export interface CpuStats {
  readonly totalNs: number;
  readonly perCpuNs?: readonly number[];
  readonly kernelNs: number;
  readonly userNs: number;
  /** CPU time of the whole machine. */
  readonly systemNs: number;
  readonly onlineCpus: number;
  readonly throttling: {
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttledNs: number;
  };
}

export interface PathStat {
  readonly name: string;
  readonly sizeBytes: number;
  /** st_mode of stat(2). */
  readonly mode: number;
  readonly modifiedAt: Date;
  readonly linkTarget: string;
}

export interface ListOptions {
  /** Stopped ones too. */
  readonly all?: boolean;
  /** The newest so many, stopped ones too. */
  readonly limit?: number;
  readonly filters?: Filters;
  /** Fill `sizes`. */
  readonly size?: boolean;
}

/**
 * Containers of a runtime. `id` parameters take the name (one of `linkNames`, too), the full id, or a unique prefix of the id.
 * A missing container is `not-found` (`No such container: x`); a prefix of several is `invalid`.
 *
 * Life: create -> `created` -> start -> `running` <-> `paused`; the process ends -> `exited`, or
 * `restarting` while the restart policy waits -> `running`. remove from any state; a running one needs `force`.
 * Each operation is atomic towards a crash of the runtime: it happened, or it did not and left nothing.
 */
export interface Containers {
  /**
   * `already-exists` when the name is taken; `not-found` (`No such image: x:tag`) when the image is not
   * here; `invalid` for what no container can have. Nothing runs yet, no address is taken.
   */
  create(
    spec: ContainerSpec,
    options?: { readonly name?: string; readonly credentials?: RegistryCredentials },
  ): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  /** Resolves to false when it was running already. A failed first start leaves it `created`. */
  start(id: string): Promise<boolean>;
  /**
   * Stop signal, wait, then SIGKILL. Resolves to false when it was not running. Cancels a pending restart.
   * Counts as a manual stop. An aborted caller does not undo it.
   */
  stop(
    id: string,
    options?: { readonly timeoutSeconds?: number; readonly signal?: string },
  ): Promise<boolean>;
  /**
   * `conflict` when not running. A SIGKILL (the default) resolves when the container has ended; `internal` when
   * it does not end.
   */
  kill(id: string, signal?: string): Promise<void>;
  restart(
    id: string,
    options?: { readonly timeoutSeconds?: number; readonly signal?: string },
  ): Promise<void>;
  pause(id: string): Promise<void>;
  unpause(id: string): Promise<void>;
  rename(id: string, name: string): Promise<void>;
  /** `conflict` while running without `force`; `volumes` removes its anonymous volumes too. */
  remove(id: string, options?: { readonly force?: boolean; readonly volumes?: boolean }): Promise<void>;
  /**
   * Takes away a legacy link, named `container/alias`: both containers stay. `not-found` when there is none, `conflict`
   * for a container's own name.
   */
  removeLink(linkName: string): Promise<void>;
  /**
   * Resolves when the condition holds; at once when it does already (not for `next-exit`). `onArmed` is called
   * when the wait is in place: an exit after it cannot be missed.
   */
  wait(
    id: string,
    options?: {
      readonly condition?: WaitCondition;
      readonly signal?: AbortSignal;
      readonly onArmed?: () => void;
    },
  ): Promise<WaitResult>;
  inspect(id: string, options?: { readonly size?: boolean }): Promise<ContainerInfo>;
  /** Newest first. */
  list(options?: ListOptions): Promise<readonly ContainerSummary[]>;
  /** Ends at the end of the log; with `follow`, when the container has stopped for good or the signal aborts. */
  logs(id: string, options?: LogOptions): AsyncIterable<LogEntry>;
  /**
   * Resolves when the connection is in place: output after it cannot be missed. May precede `start`; what is
   * written, and the end of it, are then kept until the process runs (`docker run -i <file` sends all before).
   */
  attach(id: string, options?: AttachOptions): Promise<Session>;
  resize(id: string, size: { readonly rows: number; readonly columns: number }): Promise<void>;
  /** `conflict` when not running or paused. */
  createExec(id: string, spec: ExecSpec): Promise<string>;
  /**
   * `conflict` when started before. A command that cannot be started is no rejection: its message is
   * output and its exit code is 126 or 127. Once the output of a session that nobody closed has ended, `inspectExec`
   * has the exit code. Detached: resolves to undefined when it runs.
   */
  startExec(
    execId: string,
    options?: {
      readonly detach?: boolean;
      readonly tty?: boolean;
      readonly consoleSize?: { readonly rows: number; readonly columns: number };
    },
  ): Promise<Session | undefined>;
  inspectExec(execId: string): Promise<ExecInfo>;
  resizeExec(execId: string, size: { readonly rows: number; readonly columns: number }): Promise<void>;
  /** `args` as for ps(1), default `-ef`; pids are the host's. */
  top(
    id: string,
    args?: string,
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }>;
  /** One sample a second, or one (`stream` false; with `oneShot` without a preceding one). Not running: zeros. */
  stats(
    id: string,
    options?: { readonly stream?: boolean; readonly oneShot?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<ContainerStats>;
  /** Against the image. */
  changes(
    id: string,
  ): Promise<readonly { readonly path: string; readonly kind: "modified" | "added" | "deleted" }[]>;
  /** The rootfs as a tar, without mounts. */
  export(id: string): Promise<Readable>;
  /** Links are resolved inside the container's root, never outside. `not-found` for a missing path. */
  statPath(id: string, path: string): Promise<PathStat>;
  /** A tar of the path, named by its base name. */
  readArchive(id: string, path: string): Promise<{ readonly stat: PathStat; readonly archive: Readable }>;
  /** Unpacks a tar (plain or compressed) into an existing folder. */
  writeArchive(
    id: string,
    path: string,
    archive: Readable,
    options?: { readonly noOverwriteDirNonDir?: boolean; readonly copyUidGid?: boolean },
  ): Promise<void>;
  update(
    id: string,
    change: { readonly resources?: Resources; readonly restartPolicy?: RestartPolicy },
  ): Promise<{ readonly warnings: readonly string[] }>;
  commit(id: string, options?: CommitOptions): Promise<{ readonly imageId: string }>;
  prune(filters?: Filters): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }>;
}
