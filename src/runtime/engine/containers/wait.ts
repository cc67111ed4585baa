import { RuntimeError, type WaitCondition, type WaitResult } from "../../index.ts";
import type { Container } from "./container.ts";
import type { ContainersContext } from "./context.ts";
import { isRunning } from "./record.ts";

export interface WaitOptions {
  readonly condition?: WaitCondition;
  readonly signal?: AbortSignal;
  readonly onArmed?: () => void;
}

/** See `Containers.wait`. */
export async function waitForContainer(
  ctx: ContainersContext,
  nameOrId: string,
  { condition = "not-running", signal, onArmed }: WaitOptions = {},
): Promise<WaitResult> {
  const container = ctx.table.find(nameOrId);
  if (condition === "not-running" && !isRunning(container.record.state)) {
    onArmed?.();
    return resultOf(container);
  }
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      for (const unsubscribe of subscriptions) unsubscribe();
      signal?.removeEventListener("abort", abort);
      action();
    };
    const abort = () =>
      settle(() => reject(new RuntimeError("cancelled", "The wait was given up", { cause: signal?.reason })));
    const subscriptions = [
      // Its restart or removal goes on meanwhile; the code is that of the exit seen here.
      container.onRemoval(() => settle(() => resolve(resultOf(container)))),
      ...(condition === "removed"
        ? []
        : [container.onExit(({ exitCode }) => settle(() => resolve({ ...resultOf(container), exitCode })))]),
    ];
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    else onArmed?.();
  });
}

function resultOf({ record: { state } }: Container): WaitResult {
  return { exitCode: state.exitCode, ...(state.error === "" ? {} : { error: state.error }) };
}
