import { LABEL } from "../planner/index.ts";
import type { ContainerRuntime, ContainerSummary } from "../runtime/index.ts";
import { CliError } from "./cli-error.ts";

/** Where a container stands in its stack. */
export interface Place {
  readonly service: string;
  readonly number: number;
  readonly isOneOff: boolean;
}

/** A container of a stack, and its place there. */
export interface StackContainer extends Place {
  readonly summary: ContainerSummary;
}

export interface Choice {
  /** Stopped ones too. */
  readonly all?: boolean;
  /** Absent or empty: of all services. */
  readonly services?: readonly string[];
  /** What `run` made: left out unless asked for. */
  readonly oneOff?: boolean;
}

/** A stack's containers by service and number. Throws when a named service has none and none is known. */
export async function stackContainers(
  runtime: ContainerRuntime,
  stackName: string,
  { all = false, services = [], oneOff = false }: Choice = {},
): Promise<readonly StackContainer[]> {
  const summaries = await runtime.containers.list({
    all,
    filters: { label: [`${LABEL.project}=${stackName}`] },
  });
  return summaries
    .map(placed)
    .filter((container) => oneOff || !container.isOneOff)
    .filter(({ service }) => services.length === 0 || services.includes(service))
    .sort(
      (a, b) =>
        compare(a.service, b.service) || a.number - b.number || compare(a.summary.name, b.summary.name),
    );
}

export function placed(summary: ContainerSummary): StackContainer {
  return { summary, ...placeBy(summary.labels) };
}

/** As a container's labels say, which its events carry too. */
export function placeBy(labels: Readonly<Record<string, string>>): Place {
  return {
    service: labels[LABEL.service] ?? "",
    number: Number(labels[LABEL.number] ?? 0),
    isOneOff: labels[LABEL.oneoff] === "True",
  };
}

/** The running container of a service that `exec`, `attach`, `cp` and their like mean: the lowest number, or `index`. */
export async function serviceContainer(
  runtime: ContainerRuntime,
  stackName: string,
  service: string,
  options: { readonly index?: number; readonly all?: boolean } = {},
): Promise<StackContainer> {
  const found = await stackContainers(runtime, stackName, {
    services: [service],
    all: options.all ?? false,
  });
  const container =
    options.index === undefined ? found[0] : found.find(({ number }) => number === options.index);
  if (container !== undefined) return container;
  const which = options.index === undefined ? "" : ` #${options.index}`;
  throw new CliError(`Service "${service}"${which} is not running`, {
    hint: `\`stowage ps -a\` shows the containers of stack "${stackName}"`,
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
