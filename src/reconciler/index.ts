export {
  type AskOptions,
  Controller,
  type ControllerOptions,
  type DesiredStore,
  type StackStatus,
} from "./controller.ts";
export { createOneOff } from "./create-one-off.ts";
export { type ExecuteOptions, execute } from "./execute.ts";
export { type ObserveOptions, observe } from "./observe.ts";
export type { ProgressEvent, ProgressWord } from "./progress.ts";
export { type Edge, preview, type ReconcileOptions, reconcile } from "./reconcile.ts";
export type { Report, StepResult } from "./report.ts";
