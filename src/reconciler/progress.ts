import type { Plan } from "../planner/index.ts";
import type { BuildStep, ImageProgress } from "../runtime/index.ts";
import type { StepResult } from "./report.ts";

/** The words that Compose uses for what happens to an object. */
export type ProgressWord =
  | "Pulling"
  | "Pulled"
  | "Building"
  | "Built"
  | "Creating"
  | "Created"
  | "Recreate"
  | "Recreated"
  | "Starting"
  | "Started"
  | "Running"
  | "Waiting"
  | "Healthy"
  | "Exited"
  | "Restarting"
  | "Stopping"
  | "Stopped"
  | "Killing"
  | "Killed"
  | "Pausing"
  | "Paused"
  | "Unpausing"
  | "Unpaused"
  | "Removing"
  | "Removed"
  | "Connecting"
  | "Connected"
  | "Disconnecting"
  | "Disconnected"
  | "Warning"
  | "Error";

/** What whoever watches a pass can show. In order of happening. */
export type ProgressEvent =
  | { readonly kind: "plan"; readonly plan: Plan }
  | {
      readonly kind: "object";
      readonly object: "Container" | "Network" | "Volume" | "Image" | "Service";
      readonly name: string;
      readonly word: ProgressWord;
      readonly phase: "working" | "done" | "warning" | "error";
      /** Absent for a container that is as it should be. */
      readonly stepId?: string;
      /** What went wrong, or a detail worth showing. */
      readonly text?: string;
    }
  | {
      readonly kind: "pull";
      readonly image: string;
      readonly stepId: string;
      readonly progress: ImageProgress;
    }
  | {
      readonly kind: "build-output";
      readonly service: string;
      readonly stepId: string;
      readonly stream: "stdout" | "stderr";
      readonly text: string;
    }
  | {
      readonly kind: "build-step";
      readonly service: string;
      readonly stepId: string;
      readonly step: BuildStep;
    }
  | {
      readonly kind: "hook-output";
      readonly name: string;
      readonly stepId: string;
      readonly stream: "stdout" | "stderr";
      readonly data: Uint8Array;
    }
  | { readonly kind: "step"; readonly result: StepResult };
