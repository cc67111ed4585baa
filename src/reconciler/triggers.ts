import { type Desired, LABEL } from "../planner/index.ts";
import type { RuntimeEvent } from "../runtime/index.ts";

const CONTAINER_ACTIONS: ReadonlySet<string> = new Set([
  "die",
  "stop",
  "destroy",
  "start",
  "pause",
  "unpause",
  "rename",
]);

/** What an event names. It only says where to look; what is there is read afresh. */
export type Trigger =
  | { readonly kind: "stack"; readonly stackName: string }
  | { readonly kind: "network" | "volume"; readonly name: string };

export function triggerOf(event: RuntimeEvent): Trigger | undefined {
  const { type, action, attributes, id } = event;
  if (type === "container") {
    const stackName = attributes[LABEL.project];
    if (stackName === undefined || attributes[LABEL.oneoff] === "True") return undefined;
    return CONTAINER_ACTIONS.has(action) ? { kind: "stack", stackName } : undefined;
  }
  if (type === "network" && (action === "destroy" || action === "disconnect"))
    return { kind: "network", name: attributes["name"] ?? id };
  if (type === "volume" && action === "destroy") return { kind: "volume", name: id };
  return undefined;
}

export function declares({ stack }: Desired, { kind, name }: Exclude<Trigger, { kind: "stack" }>): boolean {
  const declared = kind === "network" ? stack.networks : stack.volumes;
  return Object.values(declared).some((one) => one.name === name);
}
