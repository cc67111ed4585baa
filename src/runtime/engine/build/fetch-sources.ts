import { randomBytes } from "node:crypto";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkOutGit, folderOf, isGitAddress, parseGitAddress } from "../../../lib/git-checkout.ts";
import { RuntimeError } from "../../index.ts";
import type { Step } from "./build-session.ts";
import type { CopyRequest } from "./copy-flags.ts";
import { download, isUrl, urlFileName } from "./download.ts";

/** What is not in the source of a copy: files written in the Dockerfile, downloads, repositories. */
export interface Fetched {
  readonly dir: string;
  /** Files in it. */
  readonly names: readonly string[];
  /** Folders whose content is copied. */
  readonly folders: readonly string[];
  readonly digests: readonly string[];
  discard(): Promise<void>;
}

/** Whether ADD has to fetch it from somewhere. */
export function isElsewhere(source: string): boolean {
  return isUrl(source) || isGitAddress(source);
}

export async function fetchSources(step: Step, request: CopyRequest): Promise<Fetched> {
  const urls = step.instruction.name === "ADD" ? request.sources.filter(isElsewhere) : [];
  if (request.checksum !== undefined && (urls.length !== 1 || request.sources.length !== 1))
    throw new RuntimeError(
      "invalid",
      request.sources.length > 1
        ? "checksum can't be specified for multiple sources"
        : "checksum requires HTTP(S) or Git sources",
    );
  if (urls.length === 0 && request.inline.length === 0)
    return { dir: "", names: [], folders: [], digests: [], discard: async () => {} };
  const { layout, trash } = step.session.builder;
  const dir = join(layout.temporaryDir, `build-${randomBytes(8).toString("hex")}`);
  await mkdir(dir, { recursive: true, mode: 0o755 });
  const names: string[] = [];
  const folders: string[] = [];
  const digests: string[] = [];
  try {
    for (const { name, content } of request.inline) {
      await writeFile(join(dir, name), content, { flag: "wx" });
      await chmod(join(dir, name), 0o644);
      names.push(name);
      digests.push(`inline:${name}:${content}`);
    }
    for (const url of urls) {
      if (isGitAddress(url)) {
        const { folder, digest } = await clone(step, request, url, join(dir, `git-${folders.length}`));
        folders.push(folder);
        digests.push(digest);
        continue;
      }
      const name = urlFileName(url);
      const digest = await download(url, join(dir, name), step.session.signal);
      checkSum(request.checksum, `sha256:${digest}`);
      names.push(name);
      digests.push(`sha256:${digest}`);
    }
  } catch (error) {
    await trash.discard(dir);
    throw error;
  }
  return { dir, names, folders, digests, discard: () => trash.discard(dir) };
}

async function clone(
  { session }: Step,
  { keepsGitDir, checksum }: CopyRequest,
  address: string,
  dir: string,
): Promise<{ readonly folder: string; readonly digest: string }> {
  try {
    const source = parseGitAddress(address);
    const commit = await checkOutGit(source, dir, { signal: session.signal, keepsGitDir });
    checkSum(checksum, commit);
    const folder = await folderOf(dir, source.folder);
    return { folder, digest: `git:${commit}:${source.folder}:${keepsGitDir}` };
  } catch (cause) {
    session.signal.throwIfAborted();
    if (cause instanceof RuntimeError) throw cause;
    throw new RuntimeError("unavailable", "Cannot check out the repository", { cause });
  }
}

/** A commit may be given by its beginning. */
function checkSum(expected: string | undefined, actual: string): void {
  if (expected === undefined || expected === actual) return;
  if (/^[0-9a-f]{7,40}$/.test(expected) && actual.startsWith(expected)) return;
  throw new RuntimeError("invalid", `digest mismatch: ${actual} is not ${expected}`);
}
