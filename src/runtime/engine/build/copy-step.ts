import { createReadStream } from "node:fs";
import { join, posix } from "node:path";
import { RuntimeError } from "../../index.ts";
import { decompressed } from "../images/index.ts";
import { isArchive } from "./archive-files.ts";
import { unpackFiles } from "./build-context.ts";
import type { BuildSource, Step } from "./build-session.ts";
import { layerStep, type StepOutcome } from "./cached-step.ts";
import { contentDigest } from "./content-digest.ts";
import { type CopyRequest, ownerOf, parseCopy } from "./copy-flags.ts";
import { type Fetched, fetchSources, isElsewhere } from "./fetch-sources.ts";
import type { StepRootfs } from "./step-rootfs.ts";
import { type CopyJob, type TreeSource, treeSource } from "./tree-job.ts";

/** COPY and ADD. */
export async function copyStep(step: Step): Promise<StepOutcome> {
  const { session, stage, instruction } = step;
  const request = parseCopy(step);
  const source = request.from === undefined ? session.context : await session.source(request.from, stage);
  const fetched = await fetchSources(step, request);
  const patterns = request.sources.filter((word) => instruction.name !== "ADD" || !isElsewhere(word));
  const selection = {
    ...treeSource(source),
    ...(request.exclude.length === 0 ? {} : { exclude: request.exclude }),
  };
  let contentHash = "";
  const { keepsParents } = request;
  const options = [
    "copy-2",
    instruction.name,
    request.target,
    isFolderTarget(request, patterns.length, fetched.names.length),
    request.chown,
    request.chmod,
    keepsParents,
    request.exclude,
    request.unpack,
    fetched.digests,
  ];
  const hash = async () => {
    contentHash =
      patterns.length === 0
        ? ""
        : await inDockerWords(step, () =>
            contentDigest(session, source, { source: selection, patterns, keepsParents }),
          );
    return [...options, contentHash];
  };
  // Where the source as a whole has an identity, no file need be read to know that nothing changed.
  const quick = () => [...options, source.identity, patterns];
  try {
    return await layerStep(step, {
      keys: source.identity === undefined ? [hash] : [quick, hash],
      createdBy: () =>
        `/bin/sh -c #(nop) ${instruction.name} ${kindOf(patterns)}:${contentHash || fetched.digests.join(":")} in ${request.target} `,
      perform: (rootfs) =>
        perform(step, rootfs, {
          request,
          source: { ...selection, keepsOwner: source.keepsOwner },
          patterns,
          fetched,
        }),
    });
  } finally {
    await fetched.discard();
  }
}

/** Where files are downloaded there is no folder to look for yet. */
function isFolderTarget(request: CopyRequest, patterns: number, downloads: number): boolean {
  if (downloads > 0 && patterns + downloads > 1 && !request.isFolder)
    throw new RuntimeError(
      "invalid",
      "When using COPY with more than one source file, the destination must be a directory and end with a /",
    );
  return request.isFolder;
}

function kindOf(patterns: readonly string[]): string {
  return patterns.length === 1 ? "file" : "multi";
}

interface Work {
  readonly request: CopyRequest;
  readonly source: BuildSource;
  readonly patterns: readonly string[];
  readonly fetched: Fetched;
}

async function perform(step: Step, rootfs: StepRootfs, work: Work): Promise<void> {
  const { request, source, fetched } = work;
  const owner = ownerOf(request.chown, rootfs.merged);
  const common = {
    kind: "copy",
    rootDir: rootfs.merged,
    target: request.target,
    isFolder: request.isFolder,
    ...(owner === undefined ? {} : { owner }),
    ...(request.chmod === undefined ? {} : { mode: request.chmod }),
    ...(request.keepsParents ? { keepsParents: true } : {}),
  } as const;
  const unpacks = step.instruction.name === "ADD" && request.unpack !== false;
  const patterns = unpacks ? await addArchives(step, source, work.patterns, common) : work.patterns;
  if (patterns.length > 0) await run(step, { ...common, source, patterns, keepsOwner: source.keepsOwner });
  const downloads = { dir: fetched.dir };
  // What comes from elsewhere stays as it is unless `--unpack` says otherwise.
  const names =
    request.unpack === true ? await addArchives(step, downloads, fetched.names, common) : fetched.names;
  if (names.length > 0) await run(step, { ...common, source: downloads, patterns: names, keepsOwner: false });
  for (const dir of fetched.folders)
    await run(step, { ...common, source: { dir }, patterns: ["."], isFolder: true, keepsOwner: false });
}

type Common = Pick<CopyJob, "rootDir" | "target" | "owner" | "mode">;

/** Unpacks the archives among the sources of an ADD; resolves to the sources that are none. */
async function addArchives(
  step: Step,
  source: TreeSource,
  patterns: readonly string[],
  common: Common,
): Promise<readonly string[]> {
  if (patterns.length === 0) return patterns;
  const files = await step.session.trees.run({ kind: "select", source, patterns, keepsOwner: false });
  const plain: string[] = [];
  for (const { relative, insidePath, isFile } of files) {
    const path = join(source.dir, insidePath);
    if (isFile && (await isArchive(path))) await addArchive(step, path, common);
    else plain.push(escapeGlob(relative));
  }
  // Names that are no UTF-8 are found by their pattern alone.
  return plain.length === files.length ? patterns : plain;
}

/** Its files have the modes that it gives them: `--chmod` is for what is copied. */
async function addArchive(step: Step, path: string, { mode: _mode, ...common }: Common): Promise<void> {
  const { layout, trash } = step.session.builder;
  const { signal } = step.session;
  const files = await unpackFiles(await decompressed(createReadStream(path), signal), {
    layout,
    trash,
    signal,
  });
  try {
    await run(step, {
      ...common,
      kind: "copy",
      source: { dir: files.dir },
      patterns: ["."],
      isFolder: true,
      keepsOwner: true,
      impliedFolders: files.impliedFolders,
    });
  } finally {
    await files.discard();
  }
}

function run(step: Step, job: CopyJob): Promise<number> {
  return inDockerWords(step, () => step.session.trees.run(job));
}

/** Errors of a copy in the words of `docker build`. */
async function inDockerWords<T>(step: Step, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.kind === "cancelled") throw error;
    throw new RuntimeError("invalid", `${step.instruction.name} failed: ${error.message}`);
  }
}

function escapeGlob(path: string): string {
  return posix.join(path).replace(/[*?[\\]/g, "\\$&");
}
