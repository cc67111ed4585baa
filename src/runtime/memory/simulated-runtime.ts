import { type Clock, systemClock } from "../../lib/clock.ts";
import type { ContainerRuntime, ContainerSpec } from "../index.ts";
import { openMemoryRuntime, untilTerm } from "./memory-runtime.ts";
import type { Program } from "./process.ts";
import { programOf } from "./shell.ts";

const SERVICE = "com.docker.compose.service";
const DEPENDS_ON = "com.docker.compose.depends_on";
const LOOK_MS = 50;

/**
 * A memory runtime for showing what would happen to a stack with images whose programs nobody has: every image
 * can be pulled, main processes run until somebody ends them, checks succeed, and a service succeeds at once when
 * the labels of another container say that it waits for that.
 */
export function openSimulatedRuntime(options: { readonly clock?: Clock } = {}): ContainerRuntime {
  const { clock = systemClock } = options;
  const tasks = new Set<string>();
  const runtime = openMemoryRuntime({
    clock,
    programFor: (argv, { labels = {} }, role) => {
      if (role !== "main") return async () => 0;
      if (argv[0] === "sleep") return programOf(argv);
      return untilTermOr(() => tasks.has(labels[SERVICE] ?? ""));
    },
  });
  const { create } = runtime.containers;
  const containers = {
    ...runtime.containers,
    create: (...[spec, more]: Parameters<typeof create>) => {
      for (const task of tasksNamedBy(spec)) tasks.add(task);
      return create(spec, more);
    },
  };
  return { ...runtime, containers };
}

function tasksNamedBy({ labels = {} }: ContainerSpec): readonly string[] {
  return (labels[DEPENDS_ON] ?? "").split(",").flatMap((entry) => {
    const [name = "", condition] = entry.split(":");
    return condition === "service_completed_successfully" ? [name] : [];
  });
}

/** Who waits for it may be created after it has started. */
function untilTermOr(isTask: () => boolean): Program {
  return async (context) => {
    const running = untilTerm(context);
    running.catch(() => {});
    for (let looks = 0; looks < 20 && !isTask(); looks += 1) await context.sleep(LOOK_MS);
    return isTask() ? 0 : running;
  };
}
