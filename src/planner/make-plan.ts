import { unreachable } from "../lib/bug.ts";
import type { Desired } from "./desired.ts";
import type { Observed } from "./observed.ts";
import type { Plan } from "./plan.ts";
import { planDown } from "./plan-down.ts";
import { planBuild, planPull } from "./plan-pulls.ts";
import { planKill, planPause, planRemove, planRestart, planStart, planStop } from "./plan-running.ts";
import { planUp } from "./plan-up.ts";
import type { Request } from "./requests.ts";

export interface PlanOptions {
  /** The images are pulled and built: plan with those that are here (see `Plan.refreshes`). */
  readonly areImagesReady?: boolean;
}

/**
 * What has to be done so that `request` is fulfilled. `desired` is what is desired once it is (`desiredAfter`).
 * Pure and total: the same input gives the same plan.
 */
export function makePlan(
  request: Request,
  desired: Desired,
  observed: Observed,
  options: PlanOptions = {},
): Plan {
  switch (request.do) {
    case "up":
      return planUp(desired, observed, { ...request, ...options });
    case "down":
      return planDown(desired, observed, request);
    case "start":
      return planStart(desired, observed, request);
    case "stop":
      return planStop(desired, observed, request);
    case "restart":
      return planRestart(desired, observed, request);
    case "kill":
      return planKill(desired, observed, request);
    case "pause":
    case "unpause":
      return planPause(desired, observed, request);
    case "rm":
      return planRemove(desired, observed, request);
    case "pull":
      return planPull(desired, observed, request);
    case "build":
      return planBuild(desired, observed, request);
    default:
      return unreachable(request);
  }
}
