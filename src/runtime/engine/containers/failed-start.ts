import { errorChain } from "../../../lib/log.ts";
import { RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { withState } from "./record.ts";

/** What Docker shows of a start that failed for another reason than the program. */
const GENERAL_FAILURE = 128;

/** Notes why a start failed: a container that never ran stays `created`, any other is `exited`. */
export async function recordFailedStart(
  ctx: ContainersContext,
  container: Container,
  error: unknown,
): Promise<void> {
  const { state } = container.record;
  const exitCode = error instanceof RuntimeError ? (error.exitCode ?? GENERAL_FAILURE) : GENERAL_FAILURE;
  container.record = withState(container.record, {
    status: state.startedAt === undefined ? "created" : "exited",
    exitCode,
    error: errorChain(error),
  });
  await ctx.store
    .save(container.record)
    .catch((cause) =>
      ctx.log.error("Cannot store why a container did not start", { id: container.id, cause }),
    );
}
