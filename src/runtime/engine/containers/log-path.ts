import { join } from "node:path";
import type { DiskLayout } from "../disk-layout.ts";

/** The newest log file of a container; older ones are `.1`, `.2`, ... beside it. */
export function logPathOf(layout: Pick<DiskLayout, "containerDir">, id: string): string {
  return join(layout.containerDir(id), "container.log");
}
