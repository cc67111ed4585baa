import {
  type Desired,
  desiredAfter,
  type Request,
  renderPlan,
  type UpOptions,
} from "../../src/planner/index.ts";
import { type ProgressEvent, preview, type Report, reconcile } from "../../src/reconciler/index.ts";
import type { ContainerRuntime } from "../../src/runtime/index.ts";
import { type MemoryRuntime, openMemoryRuntime, TurnableClock } from "../../src/runtime/memory/index.ts";
import type { Stack } from "../../src/spec/index.ts";

export interface World {
  readonly clock: TurnableClock;
  readonly runtime: MemoryRuntime;
}

export const IMAGE = "busybox:1";

export function openWorld(options: Parameters<typeof openMemoryRuntime>[0] = {}): World {
  const clock = new TurnableClock();
  return { clock, runtime: openMemoryRuntime({ clock, images: { [IMAGE]: {} }, ...options }) };
}

/** A person at the keyboard: what was asked before is remembered. */
export class Person {
  readonly world: World;
  readonly events: ProgressEvent[] = [];
  desired: Desired | undefined;

  constructor(world: World) {
    this.world = world;
  }

  async ask(
    request: Request,
    stack?: Stack,
    more: {
      readonly signal?: AbortSignal;
      readonly runtime?: ContainerRuntime;
      readonly onProgress?: (event: ProgressEvent) => void;
    } = {},
  ): Promise<Report> {
    const desired = this.desire(request, stack);
    this.desired = desired;
    const { runtime, clock } = this.world;
    const pass = reconcile({
      runtime: more.runtime ?? runtime,
      clock,
      request,
      desired,
      signal: more.signal ?? new AbortController().signal,
      onProgress: (event) => {
        this.events.push(event);
        more.onProgress?.(event);
      },
    });
    return clock.turnUntil(pass);
  }

  up(stack?: Stack, options: UpOptions = {}): Promise<Report> {
    return this.ask({ do: "up", ...options }, stack);
  }

  /** The plan's text, without doing it. */
  async plan(request: Request, stack?: Stack): Promise<string> {
    const { runtime, clock } = this.world;
    return renderPlan(await preview({ runtime, clock, request, desired: this.desire(request, stack) }));
  }

  hold(): Promise<Report> {
    return this.ask({ do: "up", isHold: true });
  }

  desire(request: Request, stack?: Stack): Desired {
    const isHold = request.do === "up" && request.isHold === true;
    const desired = isHold
      ? this.desired
      : desiredAfter(request, {
          ...(this.desired !== undefined && { previous: this.desired }),
          ...(stack !== undefined && { stack }),
        });
    if (desired === undefined) throw new Error("nothing is desired");
    return desired;
  }

  words(): readonly string[] {
    return this.events.flatMap((event) =>
      event.kind === "object" ? [`${event.object} ${event.name} ${event.word}`] : [],
    );
  }
}

export async function statuses(runtime: ContainerRuntime): Promise<Readonly<Record<string, string>>> {
  const all = await runtime.containers.list({ all: true });
  return Object.fromEntries(
    all.map(({ name, state }) => [name, state.status] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}
