import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { compact } from "../../../lib/compact.ts";
import { type FolderSource, isFolderSource, RuntimeError } from "../../index.ts";
import { ContainerRoot } from "../containers/rooted-path.ts";
import type { DiskLayout } from "../disk-layout.ts";
import { decompressed } from "../images/index.ts";
import { type Trash, unpackLayer } from "../rootfs/index.ts";
import type { BuilderContext, BuildSource } from "./build-session.ts";
import type { Trees } from "./trees.ts";

const MAX_TEXT_BYTES = 4 << 20;

export interface UnpackedFiles {
  readonly dir: string;
  /** Folders that the tar itself says nothing of. */
  readonly impliedFolders: readonly string[];
  discard(): Promise<void>;
}

/** Unpacks a tar of ordinary files where the build can use them: below a folder of ours, links kept as links. */
export async function unpackFiles(
  tar: Readable,
  options: { readonly layout: DiskLayout; readonly trash: Trash; readonly signal?: AbortSignal | undefined },
): Promise<UnpackedFiles> {
  const { layout, trash, signal } = options;
  const dir = join(layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const discard = () => trash.discard(dir);
  try {
    const jailDir = join(layout.temporaryDir, "jail");
    const { impliedFolders } = await unpackLayer([tar], dir, { jailDir, isPlain: true, signal });
    return { dir, impliedFolders, discard };
  } catch (error) {
    tar.destroy();
    await discard();
    throw error;
  }
}

export interface OpenedFiles {
  readonly dir: string;
  /** Of selections of the files, where they are known from an earlier build. */
  readonly digests?: Map<string, string>;
  close(): Promise<void>;
}

/** Files as they came from a client, a context's or a named one's: nothing at all is an empty folder. */
export async function openFiles(
  { layout, trash, keptFolders }: BuilderContext,
  files: Readable | FolderSource,
  options: { readonly trees: Trees; readonly signal: AbortSignal },
): Promise<OpenedFiles> {
  if (isFolderSource(files)) {
    const { dir, digests, giveBack } = await keptFolders.borrow(files, options);
    return { dir, digests, close: giveBack };
  }
  try {
    const { signal } = options;
    // Streams of other makes than Node's own come here, too.
    const { dir, discard } = await unpackFiles(await decompressed(files, signal), { layout, trash, signal });
    return { dir, close: discard };
  } catch (error) {
    if (!(error instanceof RuntimeError) || !error.message.endsWith("it is empty")) throw error;
    const dir = join(layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
    await mkdir(dir, { recursive: true, mode: 0o755 });
    return { dir, close: () => trash.discard(dir) };
  }
}

/** The Dockerfile and what is left out of the context; both are looked for inside it. */
export function readContext(
  { dir, digests }: Pick<OpenedFiles, "dir" | "digests">,
  dockerfile: string,
  dockerfileText: string | undefined,
): { readonly text: string; readonly source: Omit<BuildSource, "keepsOwner"> } {
  using root = new ContainerRoot(dir);
  const text = dockerfileText ?? root.readText(`/${dockerfile}`, MAX_TEXT_BYTES);
  if (text === undefined)
    throw new RuntimeError("invalid", `Cannot locate specified Dockerfile: ${dockerfile}`);
  const ignore =
    root.readText(`/${dockerfile}.dockerignore`, MAX_TEXT_BYTES) ??
    root.readText("/.dockerignore", MAX_TEXT_BYTES);
  return { text, source: compact<Omit<BuildSource, "keepsOwner">>({ dir, digests, ignore }) };
}
