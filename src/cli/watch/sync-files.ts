import { lstat, readdir } from "node:fs/promises";
import { join, posix, relative } from "node:path";
import type { Readable } from "node:stream";
import tar from "tar-stream";
import type { ContainerRuntime } from "../../runtime/index.ts";
import { CliError } from "../cli-error.ts";
import { addPath } from "../copy-files.ts";

export interface SyncPlace {
  /** The rule's path on this machine. */
  readonly path: string;
  /** Where it is in the container. */
  readonly target: string;
  readonly isWanted: (path: string) => boolean;
}

/** Brings changed files into a container: those that are there are written, those that are gone are removed. */
export async function syncFiles(
  runtime: ContainerRuntime,
  containerId: string,
  changed: readonly string[],
  place: SyncPlace,
): Promise<void> {
  const gone: string[] = [];
  const pack = tar.pack();
  const written = runtime.containers.writeArchive(containerId, "/", pack as unknown as Readable);
  written.catch(() => {});
  for (const path of changed) {
    const target = posix.join(place.target, relative(place.path, path));
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) gone.push(target);
    else if (!found.isDirectory()) await addPath(pack, path, target.replace(/^\/+/, ""));
  }
  pack.finalize();
  await written;
  if (gone.length > 0) await removeIn(runtime, containerId, gone);
}

/** Everything the rule wants, for a container that has just come up. */
export async function filesBelow({ path, isWanted }: SyncPlace): Promise<readonly string[]> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return [];
  if (!found.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter(isWanted);
}

async function removeIn(runtime: ContainerRuntime, id: string, paths: readonly string[]): Promise<void> {
  const execId = await runtime.containers.createExec(id, {
    command: ["rm", "-rf", "--", ...paths],
    attachStdout: true,
    attachStderr: true,
    user: "root",
  });
  const session = await runtime.containers.startExec(execId);
  if (session === undefined) return;
  const said: Buffer[] = [];
  for await (const { data } of session.output) said.push(Buffer.from(data));
  const { exitCode } = await runtime.containers.inspectExec(execId);
  if (exitCode === undefined || exitCode === 0) return;
  throw new CliError(
    `Cannot remove ${paths.join(", ")} in the container: ${Buffer.concat(said).toString().trim()}`,
  );
}
