import { type Desired, desiredAfter, stackFromObserved } from "../planner/index.ts";
import { observe } from "../reconciler/index.ts";
import { type ContainerRuntime, RuntimeError } from "../runtime/index.ts";
import type { StackAsk } from "./stack-api.ts";

/**
 * What is desired of a stack that nobody declared to us: its labels tell enough to stop, start and remove it.
 * Throws `not-found` where there is no trace of it; taking a whole stack down that is not there is no error, as in Compose.
 */
export async function desiredFromWorld(
  runtime: ContainerRuntime,
  { stackName, request }: StackAsk,
): Promise<Desired> {
  const observed = await observe(runtime, stackName);
  const isThere = [observed.containers, observed.networks, observed.volumes].some(
    (found) => found.length > 0,
  );
  const desired = desiredAfter(request, { stack: stackFromObserved(observed) });
  const isWholeDown = request.do === "down" && (request.services ?? []).length === 0;
  if ((!isThere && !isWholeDown) || desired === undefined) {
    throw new RuntimeError("not-found", `No such stack: ${stackName}`);
  }
  return desired;
}
