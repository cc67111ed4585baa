import { Bug } from "../../../lib/bug.ts";
import type { ContainerSpec, ContainerStatus, EndpointSpec, ImageDefaults } from "../../index.ts";
import type { SettledMount } from "../parts.ts";

/** What is stored of a container: `record.json` in its folder. Plain JSON; times are milliseconds since the epoch. */
export interface ContainerRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** As `create` received it; `update` changes its resources and restart policy. */
  readonly spec: ContainerSpec;
  readonly imageId: string;
  /** The image's defaults at create: the image may go or its name may move on. */
  readonly imageConfig: ImageDefaults;
  readonly imagePlatform: { readonly os: string; readonly architecture: string };
  readonly mounts: readonly SettledMount[];
  /** By network name; `connect` and `disconnect` change it. */
  readonly endpoints: Readonly<Record<string, EndpointSpec>>;
  /** Legacy links on the default network, by the other's id. One that leads to nobody any more is kept, as Docker does. */
  readonly links?: readonly StoredLink[];
  readonly state: StoredState;
}

export interface StoredLink {
  readonly containerId: string;
  /** The other's when the link was made: for what is said of it when it is no more. */
  readonly containerName: string;
  readonly alias: string;
}

export interface StoredState {
  readonly status: ContainerStatus;
  readonly exitCode: number;
  readonly error: string;
  readonly oomKilled: boolean;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly wasStoppedManually: boolean;
  readonly restartCount: number;
}

export const NEW_STATE: StoredState = {
  status: "created",
  exitCode: 0,
  error: "",
  oomKilled: false,
  wasStoppedManually: false,
  restartCount: 0,
};

/** Which state may follow which. `removing` is the point of no return; `dead` is a removal that failed. */
const NEXT: Readonly<Record<ContainerStatus, readonly ContainerStatus[]>> = {
  created: ["created", "running", "removing"],
  running: ["running", "paused", "restarting", "exited", "removing"],
  paused: ["running", "restarting", "exited", "removing"],
  restarting: ["running", "exited", "removing"],
  exited: ["exited", "running", "restarting", "removing"],
  removing: ["removing", "dead"],
  dead: ["removing"],
};

export function mayFollow(from: ContainerStatus, to: ContainerStatus): boolean {
  return NEXT[from].includes(to);
}

/** The record with a changed state; a change the table does not know is a mistake of ours. */
export function withState(record: ContainerRecord, change: Partial<StoredState>): ContainerRecord {
  const { status = record.state.status } = change;
  if (!mayFollow(record.state.status, status) && status !== record.state.status)
    throw new Bug(`Container ${record.id} cannot go from ${record.state.status} to ${status}`);
  return { ...record, state: { ...record.state, ...change } };
}

/** Whether it has a process now. */
export function isAlive({ status }: StoredState): boolean {
  return status === "running" || status === "paused";
}

/** Docker's `Running`: between two runs of a restart policy too. */
export function isRunning(state: StoredState): boolean {
  return isAlive(state) || state.status === "restarting";
}

/** The text of a record file as a record; undefined when it is none. */
export function parseRecord(text: string): ContainerRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is ContainerRecord {
  if (typeof value !== "object" || value === null) return false;
  const has = (key: string, type: string) =>
    key in value && typeof (value as Record<string, unknown>)[key] === type;
  return (
    (value as { version?: unknown }).version === 1 &&
    has("id", "string") &&
    has("name", "string") &&
    has("createdAt", "number") &&
    has("imageId", "string") &&
    ["spec", "imageConfig", "mounts", "endpoints", "state"].every((key) => has(key, "object")) &&
    (value as { state: { status?: unknown } }).state.status !== undefined &&
    String((value as { state: { status?: unknown } }).state.status) in NEXT
  );
}
