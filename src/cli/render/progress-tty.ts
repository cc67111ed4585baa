import type { Listr, ListrTaskWrapper } from "listr2";
import type { Plan, Step } from "../../planner/index.ts";
import type { Context } from "../context.ts";
import { escapeControls, type Palette, paint } from "./paint.ts";
import { plainProgress } from "./progress-plain.ts";
import type { ProgressView, ViewEvent } from "./progress-view.ts";
import { humanSize } from "./units.ts";

/** Rows that stay free below the list: the prompt, and a line being typed. */
const FREE_ROWS = 3;

/** Objects of the plan as a list that changes in place, on stderr. A plan too long for the terminal is told in lines. */
export function ttyProgress(context: Context): ProgressView {
  // Loading takes longer than the first events: it happens while the plan is made.
  const library = import("listr2");
  const early: ViewEvent[] = [];
  const lines = plainProgress(context.io.stderr);
  let list: ObjectList | undefined;
  const warnings: ViewEvent[] = [];
  let isPlain = false;
  let isOver = false;
  const begin = async (plan: Plan) => {
    const objects = objectsOf(plan);
    isPlain = objects.size === 0 || objects.size > (context.io.stderr.rows ?? 24) - FREE_ROWS;
    if (!isPlain) list = new ObjectList(context, objects, await library);
    for (const event of early.splice(0)) (list ?? lines).show(event);
    if (isOver) await list?.end();
  };
  return {
    show: (event) => {
      if (event.kind === "object" && event.phase === "warning" && !isPlain) warnings.push(event);
      if (event.kind === "plan") void begin(event.plan);
      else if (list !== undefined) list.show(event);
      else if (isPlain || event.kind === "queued") lines.show(event);
      else early.push(event);
    },
    end: async () => {
      isOver = true;
      await list?.end();
      // The list has room for a word of each object: why something is not as asked for stays below it.
      if (list !== undefined) for (const event of warnings) lines.show(event);
    },
  };
}

/** What the list has a line for: one object, and the steps that are about it. */
interface ListedObject {
  readonly title: string;
  readonly stepIds: Set<string>;
}

function objectsOf(plan: Plan): Map<string, ListedObject> {
  const objects = new Map<string, ListedObject>();
  for (const step of plan.steps) {
    const title = titleOf(step);
    if (title === undefined) continue;
    const object = objects.get(title) ?? { title, stepIds: new Set() };
    objects.set(title, object);
    object.stepIds.add(step.id);
  }
  return objects;
}

function titleOf(step: Step): string | undefined {
  switch (step.do) {
    case "images-ready":
      return undefined;
    case "pull":
    case "build":
    case "remove-image":
      return `Image ${step.image}`;
    case "create-network":
      return `Network ${step.spec.name}`;
    case "create-volume":
      return `Volume ${step.spec.name}`;
    case "remove-network":
      return `Network ${step.name}`;
    case "remove-volume":
      return `Volume ${step.name}`;
    case "rename":
      return `Container ${step.to}`;
    default:
      return `Container ${step.container.finalName ?? step.container.name}`;
  }
}

interface Line extends ListedObject {
  readonly finished: Promise<void>;
  finish(error?: Error): void;
  task?: ListrTaskWrapper<unknown, never, never>;
  word: string;
  readonly layers: Map<
    string,
    { readonly current: number; readonly total: number; readonly isDone: boolean }
  >;
}

class ObjectList {
  readonly #palette: Palette;
  readonly #lines: readonly Line[];
  readonly #byStep = new Map<string, Line>();
  readonly #running: Promise<unknown>;

  constructor(
    context: Context,
    objects: ReadonlyMap<string, ListedObject>,
    { Listr, ProcessOutput, PRESET_TIMER }: typeof import("listr2"),
  ) {
    this.#palette = paint(context.hasColour("stderr"));
    this.#lines = [...objects.values()].map(lineOf);
    for (const line of this.#lines) for (const id of line.stepIds) this.#byStep.set(id, line);
    const stderr = context.io.stderr as NodeJS.WriteStream;
    const list: Listr = new Listr(
      this.#lines.map((line) => ({
        title: this.#palette.dim(escapeControls(line.title)),
        task: (_context: unknown, task: unknown) => {
          line.task = task as NonNullable<Line["task"]>;
          return line.finished;
        },
      })),
      {
        concurrent: true,
        exitOnError: false,
        registerSignalListeners: false,
        rendererOptions: {
          // Not among its types for one list, but where the renderer looks for it.
          ...({ processOutput: new ProcessOutput(stderr, stderr) } as object),
          timer: PRESET_TIMER,
          showErrorMessage: false,
          formatOutput: "truncate",
        },
      },
    );
    this.#running = list.run().catch(() => undefined);
  }

  show(event: ViewEvent): void {
    switch (event.kind) {
      case "object": {
        const line = this.#lineOf(event.stepId, `${event.object} ${event.name}`);
        if (line !== undefined) this.#retitle(line, event.word);
        return;
      }
      case "pull":
        this.#layer(event);
        return;
      case "build-step":
        this.#detail(event.stepId, event.step.name);
        return;
      case "build-output":
        this.#detail(event.stepId, event.text.trimEnd().split("\n").at(-1) ?? "");
        return;
      case "step": {
        const line = this.#byStep.get(event.result.step.id);
        if (line === undefined) return;
        line.stepIds.delete(event.result.step.id);
        if (event.result.status === "failed") line.finish(new Error(line.title));
        else if (line.stepIds.size === 0) line.finish();
        return;
      }
      default:
        return;
    }
  }

  async end(): Promise<void> {
    for (const line of this.#lines) line.finish();
    await this.#running;
  }

  #lineOf(stepId: string | undefined, title: string): Line | undefined {
    return (
      (stepId === undefined ? undefined : this.#byStep.get(stepId)) ??
      this.#lines.find((line) => line.title === title)
    );
  }

  #retitle(line: Line, word: string): void {
    line.word = word;
    if (line.task !== undefined) line.task.title = `${escapeControls(line.title)}  ${word}`;
  }

  #detail(stepId: string, text: string): void {
    const line = this.#byStep.get(stepId);
    if (line?.task !== undefined) line.task.output = escapeControls(text);
  }

  #layer({ stepId, progress }: ViewEvent & { readonly kind: "pull" }): void {
    const line = this.#byStep.get(stepId);
    if (line === undefined || progress.id === undefined) return;
    const before = line.layers.get(progress.id);
    line.layers.set(progress.id, {
      current: progress.currentBytes ?? before?.current ?? 0,
      total: progress.totalBytes ?? before?.total ?? 0,
      isDone: /complete|exists/i.test(progress.status),
    });
    const layers = [...line.layers.values()];
    const current = layers.reduce((sum, layer) => sum + (layer.isDone ? layer.total : layer.current), 0);
    const total = layers.reduce((sum, layer) => sum + layer.total, 0);
    const done = layers.filter((layer) => layer.isDone).length;
    this.#detail(
      stepId,
      `${done}/${layers.length} layers, ${humanSize(current, 3)} of ${humanSize(total, 3)}`,
    );
  }
}

function lineOf(object: ListedObject): Line {
  let finish: (error?: Error) => void = () => {};
  const finished = new Promise<void>((resolve, reject) => {
    finish = (error) => (error === undefined ? resolve() : reject(error));
  });
  finished.catch(() => {});
  return { ...object, finished, finish, word: "", layers: new Map() };
}
