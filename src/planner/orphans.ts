import { addRemove, addStop } from "./container-steps.ts";
import type { ObservedContainer } from "./observed.ts";
import { because, isOneOff, isRunning, type Planning, serviceOf } from "./planning.ts";
import type { UpOptions } from "./requests.ts";

/** Containers of services that the stack does not have any more, and one-off ones that have ended. */
export function orphansOf({ stack, observed }: Planning): readonly ObservedContainer[] {
  return observed.containers.filter((container) => {
    const name = serviceOf(container);
    if (isOneOff(container)) return !isRunning(container) && container.status !== "created";
    return !(name in stack.services) && !(name in stack.disabled);
  });
}

/** Removed when asked to, else noted. By container id, the step after which it is gone. */
export function planOrphans(
  planning: Planning,
  orphans: readonly ObservedContainer[],
  context: {
    readonly options: Pick<UpOptions, "removeOrphans" | "ignoreOrphans" | "isHold" | "timeoutSeconds">;
    readonly after: readonly string[];
  },
): ReadonlyMap<string, string> {
  const { options, after } = context;
  const gone = new Map<string, string>();
  if (orphans.length === 0) return gone;
  if (options.removeOrphans !== true || options.isHold === true) {
    if (options.ignoreOrphans !== true && options.isHold !== true)
      planning.notes.push(noteOf(planning, orphans));
    return gone;
  }
  for (const container of orphans) {
    const reason = because(
      isOneOff(container) ? "one-off, ended" : `orphan: no service ${serviceOf(container)}`,
    );
    const { timeoutSeconds } = options;
    const stop = addStop(planning, container, {
      reason,
      after,
      ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    });
    const remove = addRemove(planning, container, { reason, after: stop === undefined ? after : [stop] });
    gone.set(container.id, remove);
  }
  return gone;
}

function noteOf({ stack }: Planning, orphans: readonly ObservedContainer[]) {
  const names = orphans.map(({ name }) => name).join(" ");
  return {
    kind: "orphan" as const,
    message: `Found orphan containers ([${names}]) for this project. If you removed or renamed this service in your compose file, you can run this command with the --remove-orphans flag to clean it up. (project "${stack.name}")`,
  };
}
