/** Events as the Engine API names them: `type` and `action`, an actor and its attributes. */
export type EventType = "container" | "image" | "network" | "volume" | "builder" | "daemon";

export interface RuntimeEvent {
  readonly type: EventType;
  /** `create`, `start`, `die`, `health_status: healthy`, `exec_create: CMD`, ... (ENGINE API wording). */
  readonly action: string;
  /** Container, network id; image or volume name. */
  readonly id: string;
  /** `name`, `image`, `exitCode`, `signal`, ... and every label of a container. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
}

/** A key's values are alternatives; several keys must all match. Unknown keys are `invalid`. */
export type Filters = Readonly<Record<string, readonly string[]>>;

export interface EventOptions {
  readonly filters?: Filters;
  /** Replay from the buffer since this instant (nanoseconds since the epoch). */
  readonly sinceNs?: bigint;
  /** End at this instant. */
  readonly untilNs?: bigint;
}
