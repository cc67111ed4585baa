import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import type { DiskLayout } from "../disk-layout.ts";
import { decompressed } from "../images/index.ts";
import { type Trash, unpackLayer } from "../rootfs/index.ts";
import type { TreeSource } from "./tree-job.ts";

const MAX_TEXT_BYTES = 4 << 20;

/** Unpacks a tar of ordinary files where the build can use them: below a folder of ours, links kept as links. */
export async function unpackFiles(
  tar: Readable,
  options: { readonly layout: DiskLayout; readonly trash: Trash; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly dir: string; discard(): Promise<void> }> {
  const { layout, trash, signal } = options;
  const dir = join(layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const discard = () => trash.discard(dir);
  try {
    await unpackLayer([tar], dir, { jailDir: join(layout.temporaryDir, "jail"), isPlain: true, signal });
    return { dir, discard };
  } catch (error) {
    tar.destroy();
    await discard();
    throw error;
  }
}

/** A context as it came: nothing at all is an empty one. */
export async function unpackContext(
  context: Readable,
  options: Parameters<typeof unpackFiles>[1],
): Promise<{ readonly dir: string; discard(): Promise<void> }> {
  try {
    return await unpackFiles(await decompressed(context, options.signal), options);
  } catch (error) {
    if (!(error instanceof RuntimeError) || !error.message.endsWith("it is empty")) throw error;
    const dir = join(options.layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    return { dir, discard: () => options.trash.discard(dir) };
  }
}

/** The Dockerfile and what is left out of the context; both are looked for inside it. */
export function readContext(
  dir: string,
  dockerfile: string,
  dockerfileText: string | undefined,
): { readonly text: string; readonly source: TreeSource } {
  using root = new ContainerRoot(dir);
  const text = dockerfileText ?? root.readText(`/${dockerfile}`, MAX_TEXT_BYTES);
  if (text === undefined)
    throw new RuntimeError("invalid", `Cannot locate specified Dockerfile: ${dockerfile}`);
  const ignore =
    root.readText(`/${dockerfile}.dockerignore`, MAX_TEXT_BYTES) ??
    root.readText("/.dockerignore", MAX_TEXT_BYTES);
  return { text, source: { dir, ...(ignore === undefined ? {} : { ignore }) } };
}
