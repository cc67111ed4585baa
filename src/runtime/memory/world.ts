import { createHash } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import type {
  ContainerSpec,
  ContainerStatus,
  EndpointInfo,
  EndpointSpec,
  ExecSpec,
  Health,
  ImageDefaults,
  MountPoint,
  NetworkInfo,
  OutputChunk,
  OutputStream,
  PublishedPort,
  VolumeInfo,
} from "../index.ts";
import { RuntimeError } from "../index.ts";
import type { EventLog } from "./event-log.ts";
import type { ContainerFiles, FileTree } from "./files.ts";
import type { Program, SimulatedProcess } from "./process.ts";

export interface ImageRecord {
  readonly id: string;
  readonly tags: Set<string>;
  readonly config: ImageDefaults;
  readonly createdAtMs: number;
  readonly parentId: string;
  readonly files: FileTree;
  readonly comment: string;
  taggedAtMs: number;
}

export interface NetworkRecord {
  readonly info: Omit<NetworkInfo, "members">;
  /** Like `172.20`. */
  readonly prefix: string;
  nextHost: number;
}

export interface VolumeRecord {
  readonly info: Omit<VolumeInfo, "usage">;
  readonly files: FileTree;
}

export interface EndpointRecord {
  readonly networkId: string;
  readonly spec: EndpointSpec;
  live?: Pick<EndpointInfo, "endpointId" | "ipAddress" | "ipPrefixLength" | "gateway" | "macAddress">;
}

export interface ContainerRecord {
  readonly id: string;
  name: string;
  spec: ContainerSpec;
  readonly image: ImageRecord;
  readonly createdAtMs: number;
  readonly files: ContainerFiles;
  readonly mounts: readonly MountPoint[];
  readonly endpoints: Map<string, EndpointRecord>;
  readonly log: WrittenOutput[];
  readonly listeners: Set<OutputListener>;
  readonly waiters: Set<Waiter>;
  readonly execIds: string[];
  status: ContainerStatus;
  pid: number;
  exitCode: number;
  error: string;
  startedAtMs?: number;
  finishedAtMs?: number;
  health?: Health;
  wasStoppedManually: boolean;
  restartCount: number;
  backoffMs: number;
  process?: SimulatedProcess;
  /** Written before the start; undefined is the end of it. */
  earlyInput?: (Uint8Array | undefined)[];
  ports: readonly PublishedPort[];
  /** Ends what belongs to one run: probes, a waiting restart. */
  run: AbortController;
}

/** What a process wrote at once. */
export interface WrittenOutput extends OutputChunk {
  readonly timeNs: bigint;
}

export interface OutputListener {
  output(stream: OutputStream, data: Uint8Array): void;
  /** The process ended. */
  end(): void;
}

export interface Waiter {
  exited(code: number): void;
  removed(code: number): void;
}

export interface ExecRecord {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  state: "new" | "running" | "ended";
  exitCode?: number;
  pid: number;
}

/** A container's own process, a health check's, or one that was asked for with exec. */
export type ProcessRole = "main" | "probe" | "exec";

export type ProgramChoice = (
  argv: readonly string[],
  spec: ContainerSpec,
  role: ProcessRole,
) => Program | undefined;

/** Everything there is in one memory runtime. */
export interface World {
  readonly clock: Clock;
  readonly events: EventLog;
  readonly containers: Map<string, ContainerRecord>;
  readonly images: Map<string, ImageRecord>;
  readonly networks: Map<string, NetworkRecord>;
  readonly volumes: Map<string, VolumeRecord>;
  readonly execs: Map<string, ExecRecord>;
  /** The machine's own files: where binds lead. */
  readonly host: FileTree;
  /** Host ports that other programs hold, `tcp/80`. */
  readonly takenPorts: Set<string>;
  /** What a container's command does; undefined: such a command does not exist. */
  readonly programFor: ProgramChoice;
  /** 64 hex digits, never the same twice, the same in every run. */
  newId(): string;
  newPid(): number;
}

export function idMaker(seed: string): () => string {
  let count = 0;
  return () => {
    count += 1;
    return createHash("sha256").update(`${seed}/${count}`).digest("hex");
  };
}

/** By name, full id or unique id prefix. */
export function findContainer(world: World, nameOrId: string): ContainerRecord {
  const wanted = nameOrId.replace(/^\//, "");
  const all = [...world.containers.values()];
  const exact = world.containers.get(wanted) ?? all.find((record) => record.name === wanted);
  if (exact !== undefined) return exact;
  const found = wanted === "" ? [] : all.filter((record) => record.id.startsWith(wanted));
  if (found.length > 1)
    throw new RuntimeError("invalid", `Multiple IDs found with provided prefix: ${wanted}`);
  const [record] = found;
  if (record === undefined) throw new RuntimeError("not-found", `No such container: ${nameOrId}`);
  return record;
}

export function findNetwork(world: World, nameOrId: string): NetworkRecord {
  const all = [...world.networks.values()];
  const exact = world.networks.get(nameOrId) ?? all.find(({ info }) => info.name === nameOrId);
  if (exact !== undefined) return exact;
  const found = nameOrId === "" ? [] : all.filter(({ info }) => info.id.startsWith(nameOrId));
  if (found.length > 1) throw new RuntimeError("invalid", `network ${nameOrId} is ambiguous`);
  const [record] = found;
  if (record === undefined) throw new RuntimeError("not-found", `network ${nameOrId} not found`);
  return record;
}

/** `redis` to `redis:latest`; a digest or id stays. */
export function familiar(reference: string): string {
  if (reference.startsWith("sha256:") || reference.includes("@")) return reference;
  const short = reference.replace(/^docker\.io\/(library\/)?/, "");
  return /:[^/]+$/.test(short) ? short : `${short}:latest`;
}

export function findImage(world: World, reference: string): ImageRecord {
  const wanted = familiar(reference);
  const all = [...world.images.values()];
  const exact = world.images.get(wanted) ?? all.find((image) => image.tags.has(wanted));
  if (exact !== undefined) return exact;
  const hex = reference.replace(/^sha256:/, "");
  const found = /^[0-9a-f]{4,64}$/.test(hex)
    ? all.filter((image) => image.id.startsWith(`sha256:${hex}`))
    : [];
  const [record] = found;
  if (record === undefined || found.length > 1)
    throw new RuntimeError("not-found", `No such image: ${wanted}`);
  return record;
}

export function containerEvent(
  world: World,
  record: ContainerRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { labels = {} } = record.spec;
  const all = {
    ...record.image.config.labels,
    ...labels,
    image: record.spec.image,
    name: record.name,
    ...attributes,
  };
  world.events.publish("container", action, record.id, all);
}

export function networkEvent(
  world: World,
  network: NetworkRecord,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  const { id, name, driver } = network.info;
  world.events.publish("network", action, id, { name, type: driver, ...attributes });
}
