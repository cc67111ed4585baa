import { MAX_TIMER_MS } from "../../../lib/clock.ts";
import { type LogEntry, type LogOptions, RuntimeError } from "../../index.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { openTail } from "./log-files.ts";
import { LineJoiner } from "./log-lines.ts";
import { logPathOf } from "./log-path.ts";
import { type FollowOptions, readLog } from "./log-tail.ts";
import { isRunning } from "./record.ts";

/** See `Containers.logs`. */
export async function* readLogs(
  ctx: ContainersContext,
  nameOrId: string,
  options: LogOptions = {},
): AsyncGenerator<LogEntry, void, void> {
  const container = ctx.table.find(nameOrId);
  const { stdout = true, stderr = true, follow = false, timestamps = false } = options;
  const { sinceNs, untilNs, tail, signal } = options;
  if (!stdout && !stderr)
    throw new RuntimeError("invalid", "Bad parameters: you must choose at least one stream");
  if (container.record.spec.log?.driver === "none")
    throw new RuntimeError("unsupported", "configured logging driver does not support reading");
  const path = logPathOf(ctx.layout, container.id);
  const end = limited(signal, follow ? untilNs : undefined);
  const joiner = new LineJoiner({ stdout, stderr, sinceNs, untilNs, timestamps });
  const { positions, begun } = await openTail(path, tail);
  joiner.push(begun);
  const blocks = readLog(path, positions, {
    ...(follow ? { follow: untilStopped(container) } : {}),
    ...(end === undefined ? {} : { signal: end }),
  });
  for await (const block of blocks) {
    for (const entry of joiner.push(block)) yield entry;
    if (joiner.isOver) return;
  }
  if (!signal?.aborted) yield* joiner.rest();
}

/** Goes on over restarts by the policy; ends when the container has come to rest. */
function untilStopped(container: Container): FollowOptions {
  return {
    isOver: () => !isRunning(container.record.state),
    onChange: (wake) => {
      let unsubscribe = () => {};
      const again = () => {
        unsubscribe = onNextChange(container, () => {
          again();
          wake();
        });
      };
      again();
      return () => unsubscribe();
    },
  };
}

function onNextChange(container: Container, notice: () => void): () => void {
  const subscriptions = [container.onExit(notice), container.onRemoval(notice)];
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
}

function limited(signal: AbortSignal | undefined, untilNs: bigint | undefined): AbortSignal | undefined {
  if (untilNs === undefined) return signal;
  const leftMs = Number(untilNs / 1_000_000n) - Date.now();
  const timeout = AbortSignal.timeout(Math.min(Math.max(leftMs, 0), MAX_TIMER_MS));
  return signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
}
