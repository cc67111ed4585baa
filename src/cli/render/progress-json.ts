import type { Output } from "../io.ts";
import type { ProgressView } from "./progress-view.ts";

/** One JSON object a line, with the keys that Compose's `--progress json` has. */
export function jsonProgress(stderr: Output): ProgressView {
  const write = (value: object) => void stderr.write(`${JSON.stringify(value)}\n`);
  return {
    show: (event) => {
      switch (event.kind) {
        case "object":
          write({
            id: `${event.object} ${event.name}`,
            status: event.word,
            ...(event.text !== undefined && { text: event.text }),
            ...(event.phase === "error" && { error: true }),
          });
          return;
        case "pull": {
          const { id, status, currentBytes, totalBytes } = event.progress;
          write({
            id: id ?? event.image,
            parent_id: event.image,
            status,
            ...(currentBytes !== undefined && { current: currentBytes }),
            ...(totalBytes !== undefined && { total: totalBytes }),
          });
          return;
        }
        case "queued":
          write({ status: "Queued", text: `behind ${event.behind}` });
          return;
        default:
          return;
      }
    },
    end: async () => {},
  };
}
