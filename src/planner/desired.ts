import type { Stack } from "../spec/index.ts";
import type { DownOptions } from "./requests.ts";

/**
 * What a person has asked of Stowage for one stack. Plain JSON: the daemon stores it, and holds it true.
 * Services that nobody asked for (`up web` leaves others out) have no entry and are left alone.
 */
export interface Desired {
  readonly stack: Stack;
  readonly services: Readonly<Record<string, DesiredService>>;
  /** The stack is to go away; kept until it has, so that an interrupted `down` is finished. */
  readonly down?: DownOptions;
}

export interface DesiredService {
  readonly state: "running" | "stopped" | "paused";
  /** `scale`, where it differs from what the file says. */
  readonly replicas?: number;
  /** `--no-recreate`: containers that differ from the declaration are no drift, until somebody asks again. */
  readonly keepsDiverged?: boolean;
  /** Its containers have ended with success, and stay ended: should they be removed, nothing is done once more. */
  readonly hasFinished?: boolean;
}
