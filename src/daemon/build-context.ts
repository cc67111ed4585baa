import { lstat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import dockerIgnore from "@balena/dockerignore";
import { isMissing } from "../lib/atomic-file.ts";
import { readOrdinaryFile } from "../lib/bounded-file.ts";
import { leadsOut } from "../lib/leads-out.ts";
import { type BuildFiles, RuntimeError } from "../runtime/index.ts";
import { isRemote, openRemote } from "../server/index.ts";
import type { Build } from "../spec/index.ts";
import { type FolderFilter, localFolder } from "./local-folder.ts";

/**
 * The context of a build: everything below its folder that `.dockerignore` (or the Dockerfile's own, `<name>.dockerignore`) does not
 * exclude; and where in it the Dockerfile is, or the text of one from outside. A repository is cloned, an archive at a web
 * address downloaded.
 */
export async function buildContext(build: Pick<Build, "context" | "dockerfile">): Promise<BuildFiles> {
  const { context = ".", dockerfile } = build;
  if (isRemote(context))
    return { ...(await openRemote(context)), ...(dockerfile !== undefined && { dockerfile }) };
  const found = await lstat(context).catch((cause: unknown) => {
    throw new RuntimeError("invalid", `Cannot read the build context "${context}"`, { cause });
  });
  if (!found.isDirectory() && !found.isSymbolicLink())
    throw new RuntimeError("invalid", `The build context "${context}" is not a folder`);
  const path = resolve(context, dockerfile ?? "Dockerfile");
  const inside = relative(context, path);
  const folder = localFolder(context, await readFilter(context, path, inside));
  if (!leadsOut(inside)) return { context: folder, dockerfile: inside };
  return { context: folder, dockerfileText: await readText(path) };
}

async function readFilter(
  dir: string,
  dockerfilePath: string,
  dockerfileName: string,
): Promise<FolderFilter> {
  const text =
    (await ignoreText(`${dockerfilePath}.dockerignore`)) ?? (await ignoreText(join(dir, ".dockerignore")));
  if (text === undefined) return { isExcluded: () => false, hasExceptions: false };
  const ignore = dockerIgnore.default().add(text);
  // The engine reads them, and leaves out of the image what they exclude.
  const kept = new Set([".dockerignore", dockerfileName, `${dockerfileName}.dockerignore`]);
  return {
    isExcluded: (path) => !kept.has(path) && ignore.ignores(path),
    hasExceptions: /^\s*!/m.test(text) || dockerfileName.includes(sep),
  };
}

const MAX_TEXT_BYTES = 4 << 20;

async function ignoreText(path: string): Promise<string | undefined> {
  try {
    return (await readOrdinaryFile(path, MAX_TEXT_BYTES)).toString("utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function readText(dockerfile: string): Promise<string> {
  try {
    return (await readOrdinaryFile(dockerfile, MAX_TEXT_BYTES)).toString("utf8");
  } catch (cause) {
    throw new RuntimeError("invalid", `Cannot read the Dockerfile "${dockerfile}"`, { cause });
  }
}
