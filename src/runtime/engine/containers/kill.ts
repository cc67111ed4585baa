import { RuntimeError } from "../../index.ts";
import type { ContainersContext } from "./context.ts";
import { isAlive } from "./record.ts";
import { markStopped, sendSignal } from "./send-signal.ts";
import { isStopping, SIGKILL, signalNumber } from "./signals.ts";
import { exitOf, seeItEnd } from "./stop.ts";

/** Sends one signal to the container's first process; see `Containers.kill`. */
export async function killContainer(
  ctx: ContainersContext,
  nameOrId: string,
  signal = "KILL",
): Promise<void> {
  const container = ctx.table.find(nameOrId);
  const number = parseSignal(nameOrId, signal);
  let ended: Promise<void> | undefined;
  await ctx.table.change(container, async () => {
    const { record } = container;
    if (!isAlive(record.state))
      throw new RuntimeError(
        "conflict",
        `cannot kill container: ${nameOrId}: container ${record.id} is not running`,
      );
    if (isStopping(number, container.effective.stopSignal)) await markStopped(ctx, container);
    ended = exitOf(container);
    await sendSignal(ctx, container, number);
  });
  if (number === SIGKILL) await seeItEnd(ctx, container, ended);
}

function parseSignal(nameOrId: string, signal: string): number {
  try {
    return signalNumber(signal);
  } catch (cause) {
    throw new RuntimeError("invalid", `cannot kill container: ${nameOrId}: invalid signal: ${signal}`, {
      cause,
    });
  }
}
