import type { ImageProgress } from "../runtime/index.ts";
import type { Context } from "./context.ts";
import { escapeControls } from "./render/paint.ts";
import { progressType } from "./render/progress-view.ts";
import { humanSize } from "./render/units.ts";

export interface ImageProgressView {
  readonly show: (progress: ImageProgress) => void;
  readonly end: () => void;
}

/** Layers of one pull, push or load: a line each that changes in place, or a line a change. On stderr. */
export function showImageProgress(context: Context, isQuiet: boolean): ImageProgressView {
  const { stderr } = context.io;
  const type = progressType(context);
  if (isQuiet || type === "quiet") return { show: () => {}, end: () => {} };
  if (type === "json") {
    return { show: (progress) => void stderr.write(`${JSON.stringify(progress)}\n`), end: () => {} };
  }
  return type === "tty" ? ttyLayers(context) : plainLayers(context);
}

function plainLayers({ io: { stderr } }: Context): ImageProgressView {
  const last = new Map<string, string>();
  return {
    show: ({ id, status }) => {
      if (status === "" || last.get(id ?? "") === status) return;
      last.set(id ?? "", status);
      stderr.write(escapeControls(`${id === undefined ? "" : `${id}: `}${status}\n`));
    },
    end: () => {},
  };
}

const REDRAW_MS = 80;
const BAR_WIDTH = 24;

/** Redraws at most so often; more layers than rows are summed up. */
function ttyLayers({ io: { stderr } }: Context): ImageProgressView {
  const layers = new Map<string, ImageProgress>();
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;
  const draw = () => {
    timer = undefined;
    const room = Math.max(1, (stderr.rows ?? 24) - 2);
    const lines = [...layers.values()].map((layer) => layerLine(layer, stderr.columns ?? 80)).slice(-room);
    const up = drawn === 0 ? "" : `\u001b[${drawn}A`;
    stderr.write(`${up}${lines.map((line) => `\u001b[2K${line}\n`).join("")}`);
    drawn = lines.length;
  };
  return {
    show: (progress) => {
      if (progress.id === undefined) {
        if (timer !== undefined) draw();
        drawn = 0;
        layers.clear();
        if (progress.status !== "") stderr.write(`${escapeControls(progress.status)}\n`);
        return;
      }
      layers.set(progress.id, progress);
      timer ??= setTimeout(draw, REDRAW_MS);
    },
    end: () => {
      if (timer === undefined) return;
      clearTimeout(timer);
      draw();
    },
  };
}

function layerLine({ id, status, currentBytes, totalBytes }: ImageProgress, columns: number): string {
  const head = escapeControls(`${id}: ${status}`).replaceAll("\n", " ");
  if (currentBytes === undefined || totalBytes === undefined || totalBytes === 0)
    return head.slice(0, columns - 1);
  const filled = Math.min(BAR_WIDTH, Math.round((currentBytes / totalBytes) * BAR_WIDTH));
  const bar = `[${"=".repeat(filled)}${" ".repeat(BAR_WIDTH - filled)}]`;
  return `${head} ${bar} ${humanSize(currentBytes, 3)}/${humanSize(totalBytes, 3)}`.slice(0, columns - 1);
}
