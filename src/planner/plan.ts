import type { ContainerSpec, EndpointSpec, MountSpec, NetworkSpec, VolumeSpec } from "../runtime/index.ts";
import type { Service } from "../spec/index.ts";

/**
 * What will be done to one stack, whole: everything that changes the world, waiting included, is a step.
 * Plain data. Steps stand in an order in which they could be done one after the other.
 */
export interface Plan {
  readonly stackName: string;
  readonly steps: readonly Step[];
  /** What makes the plan impossible. Nothing of it may be executed while there is one. */
  readonly problems: readonly PlanProblem[];
  /** What executing it loses or interrupts; shown, and asked about where a person is there to answer. */
  readonly hazards: readonly Hazard[];
  /** Worth knowing, nothing to decide. */
  readonly notes: readonly Note[];
  /** Containers of the chosen services that are as they should be. */
  readonly kept: readonly KeptContainer[];
  /**
   * Images that are here and are pulled or built anew, for services that have containers: whether those are
   * replaced is decided when the image is there, so a pass does these steps first and plans again.
   */
  readonly refreshes: readonly string[];
}

export interface KeptContainer {
  readonly name: string;
  readonly service: string;
  readonly state: "running" | "exited" | "created" | "paused" | "restarting";
  readonly exitCode: number;
}

export interface PlanProblem {
  readonly kind:
    | "missing-external"
    | "missing-image"
    | "taken-port"
    | "wrong-owner"
    | "unsupported"
    | "invalid"
    | "missing-dependency"
    | "unknown-service";
  /** Without the path, which whoever prints it puts before it. */
  readonly message: string;
  /** Dotted path in the stack: `services.db.ports[0]`. */
  readonly path?: string;
  /** The service that cannot be served; absent: none can. */
  readonly service?: string;
}

export interface Hazard {
  readonly kind: "data-loss" | "interruption" | "kept-old" | "no-effect";
  /** A whole sentence; names the path where there is one. */
  readonly message: string;
  /** The step that does it. */
  readonly stepId?: string;
  readonly path?: string;
}

export interface Note {
  readonly kind: "orphan" | "warning" | "waiting";
  readonly message: string;
  readonly path?: string;
}

/** Why a step is there: a cause in words, and the fields that differ where that is the cause. */
export interface Reason {
  readonly cause: string;
  readonly changes?: readonly FieldChange[];
}

export interface FieldChange {
  /** Of the container's spec or the declaration: `image`, `env.LOG_LEVEL`, `ports[0]`. */
  readonly field: string;
  /** JSON text or a word; absent: was not there. */
  readonly from?: string;
  readonly to?: string;
}

interface StepBase {
  /** Readable and stable: `container/shop-db-1:start`. */
  readonly id: string;
  readonly reason: Reason;
  /** Ids of earlier steps that must be done first. */
  readonly after: readonly string[];
  /** Its failure, or that of what it waits for, is a warning: whatever comes after it goes on. */
  readonly isOptional?: boolean;
}

/** A container by its name at the moment of the step, and by id when it was there already. */
export interface ContainerRef {
  readonly name: string;
  readonly id?: string;
  readonly service: string;
  /** What it will be called, while it waits under another name for its place: what people are told. */
  readonly finalName?: string;
}

interface ContainerStep extends StepBase {
  readonly container: ContainerRef;
}

export interface PullStep extends StepBase {
  readonly do: "pull";
  readonly image: string;
  readonly platform?: string;
  readonly services: readonly string[];
}

/** The build's definition is the stack's: `services.<service>.build`. */
export interface BuildStep extends StepBase {
  readonly do: "build";
  readonly service: string;
  /** The tag it gets. */
  readonly image: string;
  /** Not when the image is there by then (an optional pull before it brought it). */
  readonly unlessPresent?: boolean;
}

/** All images are there; what changes the world otherwise comes after it. */
export interface ImagesReadyStep extends StepBase {
  readonly do: "images-ready";
}

export interface RemoveImageStep extends StepBase {
  readonly do: "remove-image";
  readonly image: string;
}

export interface CreateNetworkStep extends StepBase {
  readonly do: "create-network";
  readonly spec: NetworkSpec;
}

export interface RemoveNetworkStep extends StepBase {
  readonly do: "remove-network";
  readonly name: string;
  readonly networkId: string;
}

export interface CreateVolumeStep extends StepBase {
  readonly do: "create-volume";
  readonly spec: VolumeSpec & { readonly name: string };
}

export interface RemoveVolumeStep extends StepBase {
  readonly do: "remove-volume";
  readonly name: string;
}

export interface CreateContainerStep extends ContainerStep {
  readonly do: "create-container";
  readonly number: number;
  /** What `create` receives once `completeSpec` has put in what is known only then. */
  readonly spec: ContainerSpec;
  readonly joins?: Joins;
  /** Of the files that will be written into it. */
  readonly filesDigest?: string;
  /** Anonymous volumes of the container it replaces. */
  readonly inherited?: readonly MountSpec[];
  /** The one it takes the place of. */
  readonly replaces?: ContainerRef;
}

/** Containers of other services whose ids belong in the spec; by name until they are known. */
export interface Joins {
  /** As declared, for the configuration's hash, which Compose takes with the ids in it. */
  readonly service: Service;
  /** Service -> its first container's name. */
  readonly containerNames: Readonly<Record<string, string>>;
}

/** Configs and secrets that are copied, not mounted, into the container before its first start. */
export interface WriteFilesStep extends ContainerStep {
  readonly do: "write-files";
  readonly files: readonly InjectedFile[];
}

export interface InjectedFile {
  readonly kind: "config" | "secret";
  /** The key in the stack's `configs` or `secrets`, where the content is. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

export interface StartStep extends ContainerStep {
  readonly do: "start";
}

export interface StopStep extends ContainerStep {
  readonly do: "stop";
  /** Absent: the container's own. */
  readonly timeoutSeconds?: number;
}

export interface RestartStep extends ContainerStep {
  readonly do: "restart";
  readonly timeoutSeconds?: number;
}

export interface KillStep extends ContainerStep {
  readonly do: "kill";
  readonly signal: string;
}

export interface PauseStep extends ContainerStep {
  readonly do: "pause" | "unpause";
}

export interface RemoveStep extends ContainerStep {
  readonly do: "remove";
  readonly force: boolean;
  /** Its anonymous volumes too. */
  readonly volumes: boolean;
}

export interface RenameStep extends ContainerStep {
  readonly do: "rename";
  readonly to: string;
}

export interface ConnectStep extends ContainerStep {
  readonly do: "connect";
  readonly network: string;
  readonly endpoint: EndpointSpec;
}

export interface DisconnectStep extends ContainerStep {
  readonly do: "disconnect";
  readonly network: string;
}

export interface WaitStep extends ContainerStep {
  /**
   * `wait-started` waits for nothing but the steps before it. `wait-running` is satisfied by a healthy container,
   * or by a running one that has no health check.
   */
  readonly do: "wait-started" | "wait-running" | "wait-healthy" | "wait-completed";
  /** Counted from the step's start; absent: as long as it takes. */
  readonly timeoutMs?: number;
}

/**
 * A `post_start` or `pre_stop` hook: a command in the running container. A `pre_start` hook: a command in a container
 * of its own, with the volumes and networks of the one that waits for it.
 */
export interface ExecHookStep extends ContainerStep {
  readonly do: "exec-hook";
  readonly hook: "pre_start" | "post_start" | "pre_stop";
  readonly index: number;
  readonly command: readonly string[];
  readonly user?: string;
  readonly privileged?: boolean;
  readonly workingDir?: string;
  readonly env?: readonly string[];
}

export type Step =
  | PullStep
  | BuildStep
  | ImagesReadyStep
  | RemoveImageStep
  | CreateNetworkStep
  | RemoveNetworkStep
  | CreateVolumeStep
  | RemoveVolumeStep
  | CreateContainerStep
  | WriteFilesStep
  | StartStep
  | StopStep
  | RestartStep
  | KillStep
  | PauseStep
  | RemoveStep
  | RenameStep
  | ConnectStep
  | DisconnectStep
  | WaitStep
  | ExecHookStep;

export type StepKind = Step["do"];
