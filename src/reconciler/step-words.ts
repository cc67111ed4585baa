import type { ContainerRef, Plan, Step } from "../planner/index.ts";
import type { ProgressEvent, ProgressWord } from "./progress.ts";

type Subject = Pick<Extract<ProgressEvent, { kind: "object" }>, "object" | "name">;

/** What a step's beginning and end are called; undefined where Compose says nothing. */
export interface StepWords extends Subject {
  readonly begin?: ProgressWord;
  readonly end?: ProgressWord;
}

/** Compose's words for the steps of one plan: what makes up one replacement is called Recreate and Recreated. */
export function wordsOf(plan: Plan): (step: Step) => StepWords | undefined {
  const replaced = new Set<string>();
  const renamed = new Set<string>();
  for (const step of plan.steps) {
    if (step.do === "create-container" && step.replaces?.id !== undefined) replaced.add(step.replaces.id);
    if (step.do === "rename") renamed.add(step.to);
  }
  return (step) => {
    switch (step.do) {
      case "create-container": {
        const name = shownName(step.container);
        if (step.replaces === undefined)
          return { object: "Container", name, begin: "Creating", end: "Created" };
        const isLast = !renamed.has(name);
        return { object: "Container", name, begin: "Recreate", ...(isLast && { end: "Recreated" }) };
      }
      case "rename":
        return { object: "Container", name: step.to, end: "Recreated" };
      case "stop":
      case "remove":
        if (step.container.id !== undefined && replaced.has(step.container.id)) return undefined;
        return container(step.container.name, step.do === "stop" ? STOP : REMOVE);
      default:
        return plainWords(step);
    }
  };
}

function shownName({ finalName, name }: ContainerRef): string {
  return finalName ?? name;
}

const STOP = { begin: "Stopping", end: "Stopped" } as const;
const REMOVE = { begin: "Removing", end: "Removed" } as const;
const CREATE = { begin: "Creating", end: "Created" } as const;

type Words = { readonly begin?: ProgressWord; readonly end?: ProgressWord };

function container(name: string, words: Words): StepWords {
  return { object: "Container", name, ...words };
}

function plainWords(step: Step): StepWords | undefined {
  switch (step.do) {
    case "pull":
      return { object: "Image", name: step.image, begin: "Pulling", end: "Pulled" };
    case "build":
      return { object: "Image", name: step.image, begin: "Building", end: "Built" };
    case "remove-image":
      return { object: "Image", name: step.image, ...REMOVE };
    case "create-network":
      return { object: "Network", name: step.spec.name, ...CREATE };
    case "remove-network":
      return { object: "Network", name: step.name, ...REMOVE };
    case "create-volume":
      return { object: "Volume", name: step.spec.name, ...CREATE };
    case "remove-volume":
      return { object: "Volume", name: step.name, ...REMOVE };
    case "start":
      return container(step.container.name, { begin: "Starting", end: "Started" });
    case "restart":
      return container(step.container.name, { begin: "Restarting", end: "Started" });
    case "kill":
      return container(step.container.name, { begin: "Killing", end: "Killed" });
    case "pause":
      return container(step.container.name, { begin: "Pausing", end: "Paused" });
    case "unpause":
      return container(step.container.name, { begin: "Unpausing", end: "Unpaused" });
    case "wait-healthy":
    case "wait-running":
      return container(step.container.name, { begin: "Waiting", end: "Healthy" });
    case "wait-completed":
      return container(step.container.name, { begin: "Waiting", end: "Exited" });
    case "connect":
    case "disconnect":
    case "write-files":
    case "exec-hook":
      return container(shownName(step.container), {});
    default:
      return undefined;
  }
}
