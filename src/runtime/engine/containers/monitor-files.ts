import { join } from "node:path";
import type { ContainersContext } from "./context.ts";

/** conmon's attach socket and control fifo. */
export function monitorFile(
  ctx: Pick<ContainersContext, "layout">,
  id: string,
  name: "attach" | "ctl",
): string {
  return join(ctx.layout.bundleDir(id), name);
}
