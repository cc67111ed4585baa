import type { Output } from "../io.ts";
import { messageOf } from "./error.ts";
import { escapeControls } from "./paint.ts";
import type { ProgressView, ViewEvent } from "./progress-view.ts";

/** One line an event, in Compose's words: ` Container shop-db-1  Started`. */
export function plainProgress(stderr: Output): ProgressView {
  const layers = new Map<string, string>();
  return {
    show: (event) => {
      const text = lineOf(event, layers);
      if (text !== undefined) stderr.write(`${escapeControls(text)}\n`);
    },
    end: async () => {},
  };
}

function lineOf(event: ViewEvent, layers: Map<string, string>): string | undefined {
  switch (event.kind) {
    case "queued":
      return ` Waiting for another request on this stack: ${event.behind}`;
    case "object": {
      const detail = event.text === undefined ? "" : `  ${event.text}`;
      return ` ${event.object} ${event.name}  ${event.word}${detail}`;
    }
    case "pull": {
      const { id, status } = event.progress;
      if (id === undefined || layers.get(id) === status) return undefined;
      layers.set(id, status);
      return ` ${id} ${status}`;
    }
    case "build-output":
      return prefixed(event.service, event.text);
    case "hook-output":
      return prefixed(event.name, Buffer.from(event.data).toString("utf8"));
    case "step":
      return event.result.status === "failed" &&
        event.result.error !== undefined &&
        isBare(event.result.step.do)
        ? ` ${event.result.step.id}  Error  ${messageOf(event.result.error)}`
        : undefined;
    default:
      return undefined;
  }
}

/** Steps that no object line speaks of. */
function isBare(kind: string): boolean {
  return kind === "images-ready" || kind === "exec-hook" || kind === "write-files";
}

function prefixed(name: string, text: string): string | undefined {
  const lines = text.replace(/\n$/, "").split("\n");
  return lines.map((line) => ` ${name} | ${line}`).join("\n");
}
