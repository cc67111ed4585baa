import type { Plan, Step } from "../planner/index.ts";

export type StepResult =
  | { readonly step: Step; readonly status: "done" }
  /** An optional step that failed, or could not begin: what comes after it went on. */
  | { readonly step: Step; readonly status: "warned"; readonly error?: unknown }
  | { readonly step: Step; readonly status: "failed"; readonly error: unknown }
  /** Something before it failed, or the pass was aborted. */
  | { readonly step: Step; readonly status: "skipped" };

export interface Report {
  readonly stackName: string;
  readonly plan: Plan;
  /**
   * `unchanged`: nothing to do. `refused`: the plan has problems, nothing was done. `declined`: `approve` said no.
   */
  readonly outcome: "unchanged" | "done" | "failed" | "refused" | "declined" | "cancelled";
  /** In the plan's order. */
  readonly results: readonly StepResult[];
  readonly durationMs: number;
}
