/** What a person can ask for, as data: the CLI makes one, the daemon's API carries it, the planner answers it. */
export type Request =
  | ({ readonly do: "up" } & UpOptions)
  | ({ readonly do: "down" } & DownOptions)
  | ({ readonly do: "start" } & StartOptions)
  | ({ readonly do: "stop" } & StopOptions)
  | ({ readonly do: "restart" } & RestartOptions)
  | ({ readonly do: "kill" } & KillOptions)
  | ({ readonly do: "pause" | "unpause" } & ServiceChoice)
  | ({ readonly do: "rm" } & RemoveOptions)
  | ({ readonly do: "pull" } & PullRequestOptions)
  | ({ readonly do: "build" } & ServiceChoice & { readonly withDependencies?: boolean });

export interface ServiceChoice {
  /** Absent or empty: all. */
  readonly services?: readonly string[];
}

export type RecreatePolicy = "diverged" | "force" | "never";

/** What becomes of containers that differ, for the chosen services and for those that they depend on. */
export function recreatePolicies({ recreate = "diverged", recreateDependencies }: UpOptions): {
  readonly chosen: RecreatePolicy;
  readonly dependencies: RecreatePolicy;
} {
  const dependencies = recreateDependencies ?? (recreate === "never" ? "never" : "diverged");
  return { chosen: recreate, dependencies };
}

export interface UpOptions extends ServiceChoice {
  /** For the chosen services. Default `diverged`. */
  readonly recreate?: RecreatePolicy;
  /** For services that are there only because a chosen one depends on them. Default `diverged`. */
  readonly recreateDependencies?: RecreatePolicy;
  /** Anonymous volumes start empty instead of being handed over. */
  readonly renewAnonymousVolumes?: boolean;
  /** Overrides every service's `pull_policy`. */
  readonly pull?: "always" | "missing" | "never";
  /** `always`: build what can be built; `never`: a missing image that only a build makes is a problem. Default `missing`. */
  readonly build?: "always" | "missing" | "never";
  /** Number of replicas by service, remembered. */
  readonly scale?: Readonly<Record<string, number>>;
  readonly removeOrphans?: boolean;
  /** No notes about orphans. */
  readonly ignoreOrphans?: boolean;
  /** Instead of each container's own grace period. */
  readonly timeoutSeconds?: number;
  readonly noDeps?: boolean;
  /** Only create (`create`, `up --no-start`). */
  readonly noStart?: boolean;
  /** Of the chosen services: those of which only images, networks and volumes are wanted, no containers (`run`). */
  readonly prepare?: readonly string[];
  /** What has finished runs again: of the services named, else of those whose success no other waits for. */
  readonly runsFinished?: boolean;
  /** Wait until everything runs and is healthy. */
  readonly wait?: boolean;
  /** Of each wait, those for dependencies too. */
  readonly waitTimeoutMs?: number;
  /** Replace volumes whose declaration changed: their data is lost. Otherwise they are kept, with a hazard. */
  readonly recreateVolumes?: boolean;
  /**
   * Nobody asked just now; what was asked before is held true. What ended by itself stays ended, images are not
   * refreshed, orphans stay.
   */
  readonly isHold?: boolean;
}

export interface DownOptions extends ServiceChoice {
  readonly removeVolumes?: boolean;
  /** `local`: images without a name of their own; `all`: every image of the stack. */
  readonly removeImages?: "local" | "all";
  readonly removeOrphans?: boolean;
  readonly timeoutSeconds?: number;
}

export interface StartOptions extends ServiceChoice {
  readonly wait?: boolean;
  readonly waitTimeoutMs?: number;
}

export interface StopOptions extends ServiceChoice {
  readonly timeoutSeconds?: number;
}

export interface RestartOptions extends ServiceChoice {
  readonly timeoutSeconds?: number;
  /** Leave dependents with `restart: true` alone. */
  readonly noDeps?: boolean;
}

export interface KillOptions extends ServiceChoice {
  /** Default SIGKILL. */
  readonly signal?: string;
  readonly removeOrphans?: boolean;
}

export interface RemoveOptions extends ServiceChoice {
  /** Stop them first; otherwise running ones are left alone. */
  readonly stop?: boolean;
  /** Anonymous volumes too. */
  readonly volumes?: boolean;
}

export interface PullRequestOptions extends ServiceChoice {
  readonly policy?: "always" | "missing";
  readonly includeDependencies?: boolean;
  readonly ignoreBuildable?: boolean;
  /** A failed pull is a warning. */
  readonly ignoreFailures?: boolean;
}
