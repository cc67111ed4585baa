import { type AttachOptions, type OutputChunk, RuntimeError, type Session } from "../../index.ts";
import type { Container, StdinLine } from "./container.ts";
import { announce } from "./container-events.ts";
import type { ContainersContext } from "./context.ts";
import { type LogPosition, openTail } from "./log-files.ts";
import { logPathOf } from "./log-path.ts";
import { OutputDecoder } from "./log-records.ts";
import { type FollowOptions, readLog } from "./log-tail.ts";
import { resizeContainer } from "./resize.ts";
import { stdinOf } from "./stdin-line.ts";

/** See `Containers.attach`. Output comes from the log: whoever reads slowly never holds the container up. */
export async function attachTo(
  ctx: ContainersContext,
  nameOrId: string,
  options: AttachOptions = {},
): Promise<Session> {
  const container = ctx.table.find(nameOrId);
  const { status } = container.record.state;
  if (status === "paused")
    throw new RuntimeError(
      "conflict",
      `Container ${nameOrId} is paused, unpause the container before attach.`,
    );
  const closing = new AbortController();
  const ending = endOfRun(container);
  const path = logPathOf(ctx.layout, container.id);
  const { positions } = await openTail(path, options.logs === true ? undefined : 0);
  announce(ctx, container, "attach");
  const signal =
    options.signal === undefined ? closing.signal : AbortSignal.any([closing.signal, options.signal]);
  let isRead = false;
  return {
    output: {
      [Symbol.asyncIterator]: () => {
        isRead = true;
        return outputOf(container, path, positions, { ...options, signal }, ending);
      },
    },
    ...inputOf(ctx, container, options, signal),
    resize: (size) => resizeContainer(ctx, container.id, size),
    close: ({ isDetached = false } = {}) => {
      if (isDetached && !closing.signal.aborted) announce(ctx, container, "detach");
      closing.abort();
      ending.close();
      if (!isRead) for (const { file } of positions) void file.close().catch(() => {});
    },
  };
}

async function* outputOf(
  container: Container,
  path: string,
  positions: readonly LogPosition[],
  { stdout = true, stderr = true, logs, stream = true, signal }: AttachOptions,
  ending: RunEnd,
): AsyncGenerator<OutputChunk, void, void> {
  const sinceNs = logs === true ? BigInt(container.run?.startedAt ?? 0) * 1_000_000n : undefined;
  const decoder = new OutputDecoder(
    (record) =>
      (record.stream === "stdout" ? stdout : stderr) && (sinceNs === undefined || record.timeNs >= sinceNs),
  );
  try {
    const blocks = readLog(path, positions, {
      ...(stream ? { follow: ending } : {}),
      ...(signal === undefined ? {} : { signal }),
    });
    for await (const block of blocks) yield* decoder.push(block);
  } finally {
    ending.close();
  }
}

/** What is written before the start is kept for it, up to here; then the writer waits. */
const MAX_KEPT_BYTES = 4 << 20;

function inputOf(
  ctx: ContainersContext,
  container: Container,
  options: AttachOptions,
  signal: AbortSignal,
): Pick<Session, "write" | "end"> {
  let keptBytes = 0;
  let last: Promise<void> = Promise.resolve();
  /** In order, each once the container runs. */
  const queue = (action: (line: StdinLine) => Promise<void>) => {
    last = last.then(async () => {
      if (container.run === undefined) await started(container, signal);
      await action(await stdinOf(ctx, container));
    });
    last.catch(() => {});
    return last;
  };
  return {
    write: async (data) => {
      if (options.stdin !== true) throw new RuntimeError("invalid", "The session has no stdin");
      const isWritten = queue((line) => line.write(data));
      if (container.run !== undefined || keptBytes > MAX_KEPT_BYTES) return isWritten;
      keptBytes += data.length;
    },
    end: async () => {
      if (options.stdin !== true || container.record.spec.openStdin !== true) return;
      const isEnded = queue((line) => line.end()).catch(() => {});
      if (container.run !== undefined) await isEnded;
    },
  };
}

/** A session may precede the start. */
function started(container: Container, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      unsubscribe();
      reject(new RuntimeError("cancelled", "The session was closed"));
    };
    const unsubscribe = container.onStart(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}

interface RunEnd extends FollowOptions {
  close(): void;
}

/** The end of the run that runs, or of the next one. */
function endOfRun(container: Container): RunEnd {
  let isOver = false;
  let wake = () => {};
  const end = () => {
    isOver = true;
    wake();
  };
  const subscriptions = [container.onExit(end), container.onRemoval(end)];
  const close = () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
  return {
    isOver: () => isOver,
    onChange: (listener) => {
      wake = listener;
      return () => {};
    },
    close,
  };
}
