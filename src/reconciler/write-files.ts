import { Readable } from "node:stream";
import { pack } from "tar-stream";
import type { WriteFilesStep } from "../planner/index.ts";
import type { ContainerRuntime } from "../runtime/index.ts";
import type { Stack } from "../spec/index.ts";
import { StepError } from "./step-error.ts";

/** Puts the configs and secrets that are copied, not mounted, into a container that has not started. */
export async function writeFiles(
  runtime: ContainerRuntime,
  step: WriteFilesStep,
  stack: Stack,
): Promise<void> {
  const archive = pack();
  for (const { kind, source, target, uid, gid, mode } of step.files) {
    const object = (kind === "config" ? stack.configs : stack.secrets)[source];
    const content =
      object?.fileContent === undefined ? object?.content : Buffer.from(object.fileContent, "base64");
    if (content === undefined) throw new StepError(`Cannot write ${kind} "${source}": it has no content`);
    archive.entry({ name: target.replace(/^\/+/, ""), uid, gid, mode }, content);
  }
  archive.finalize();
  await runtime.containers.writeArchive(step.container.name, "/", Readable.from(archive), {
    copyUidGid: true,
  });
}
