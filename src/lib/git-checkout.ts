import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { leadsOut } from "./leads-out.ts";

/** Files of a repository, as docker writes them: `address#ref:folder`. */
export interface GitSource {
  readonly url: string;
  /** A branch, a tag or a commit; empty: the repository's own choice. */
  readonly ref: string;
  /** Empty: all of it. */
  readonly folder: string;
}

export interface CheckoutOptions {
  readonly signal?: AbortSignal | undefined;
  readonly keepsGitDir?: boolean;
}

/** Whether docker would clone it: ssh, git's own protocol, or http with a path that ends in `.git`. */
export function isGitAddress(text: string): boolean {
  const [url = ""] = text.split("#", 1);
  return /^(?:git:\/\/|ssh:\/\/|github\.com\/|[\w.][\w.-]*@[\w.-]+:(?!\/\/)|https?:\/\/[^?]*\.git$)/.test(
    url,
  );
}

/** Nothing of it can be taken for an option by git or ssh, and no address leads to this machine's own files. */
export function parseGitAddress(address: string): GitSource {
  const hash = address.indexOf("#");
  const [url, fragment] = hash < 0 ? [address, ""] : [address.slice(0, hash), address.slice(hash + 1)];
  const colon = fragment.indexOf(":");
  const [ref, folder] = colon < 0 ? [fragment, ""] : [fragment.slice(0, colon), fragment.slice(colon + 1)];
  const whole = url.startsWith("github.com/") ? `https://${url}` : url;
  const host = /^(?:\w+:\/\/)?(?:[^@/]*@)?([^/:]*)/.exec(whole)?.[1] ?? "";
  if (!isGitAddress(url) || host.startsWith("-"))
    throw new Error(`"${withoutPassword(url)}" is no address of a repository: http, https, ssh or git`);
  if (ref !== "" && (ref.startsWith("-") || ref.includes("..") || /[\s~^:?*[\\]/.test(ref)))
    throw new Error(`"${ref}" is no name of a branch, a tag or a commit`);
  return { url: whole, ref, folder };
}

/** A folder of a repository as a tar, owned by root. */
export async function gitTar(address: string, options: CheckoutOptions = {}): Promise<Readable> {
  const source = parseGitAddress(address);
  const dir = await mkdtemp(join(tmpdir(), "stowage-git-"));
  const discard = (): void => void rm(dir, { recursive: true, force: true });
  try {
    await checkOutGit(source, join(dir, "files"), options);
    const root = await folderOf(join(dir, "files"), source.folder);
    const tar = spawn(
      "tar",
      ["--create", "--file=-", "--numeric-owner", "--owner=0", "--group=0", `--directory=${root}`, "."],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    // A child's own stdout is drained when it ends, read or not.
    const output = new PassThrough();
    tar.stdout.pipe(output, { end: false });
    tar.once("error", (error) => output.destroy(error));
    tar.once("close", (code) => {
      if (code === 0) output.end();
      else output.destroy(new Error(`tar ended with ${code} in the repository's files`));
    });
    output.once("close", () => {
      tar.kill("SIGKILL");
      discard();
    });
    return output;
  } catch (error) {
    discard();
    throw error;
  }
}

/** Inside the repository, wherever its links lead. */
export async function folderOf(dir: string, folder: string): Promise<string> {
  const top = await realpath(dir);
  const found = await realpath(join(top, folder)).catch(() => undefined);
  if (found === undefined || leadsOut(relative(top, found)))
    throw new Error(`the repository has no folder "${folder}"`);
  return found;
}

/** The object that a source's ref names now; a commit is its own name. */
export async function resolveGitRef({ url, ref }: GitSource, signal?: AbortSignal): Promise<string> {
  if (/^[0-9a-f]{40}$/.test(ref)) return ref;
  const wanted = ref === "" ? "HEAD" : ref;
  const output = await runGit(tmpdir(), ["ls-remote", "--", url, wanted], { url, signal });
  // It lists whatever ends in the name.
  const known = new Map(output.split("\n").map((line) => line.split("\t").reverse() as [string, string]));
  const found = ["", "refs/", "refs/tags/", "refs/heads/"].map((prefix) => known.get(prefix + wanted));
  const object = found.find((one) => one !== undefined);
  if (object !== undefined) return object;
  if (/^[0-9a-f]{4,39}$/.test(ref)) return ref;
  throw new Error(`the repository has no branch or tag "${wanted}"`);
}

/** Checks a repository out into a new folder. Resolves to the commit. */
export async function checkOutGit(
  { url, ref }: GitSource,
  dir: string,
  { signal, keepsGitDir = false }: CheckoutOptions = {},
): Promise<string> {
  await mkdir(dir, { mode: 0o755 });
  const git = (...args: string[]) => runGit(dir, args, { url, signal });
  await git("init", "--quiet", "--template=");
  await git("remote", "add", "origin", url);
  const wanted = ref === "" ? "HEAD" : ref;
  const isFetched = await git("fetch", "--quiet", "--depth=1", "origin", "--", wanted).then(
    () => true,
    (error) => {
      // A server may give away no single commits, or no part of its history.
      if (!/^[0-9a-f]{4,40}$/.test(ref)) throw error;
      return false;
    },
  );
  if (!isFetched) await git("fetch", "--quiet", "--tags", "origin");
  await git("checkout", "--quiet", "--detach", isFetched ? "FETCH_HEAD" : ref);
  const commit = (await git("rev-parse", "HEAD")).trim();
  if ((await readdir(dir)).includes(".gitmodules"))
    await git("submodule", "update", "--quiet", "--init", "--recursive", "--depth=1");
  if (!keepsGitDir) await removeGitDirs(dir);
  return commit;
}

/** A submodule's `.git` is a file. */
async function removeGitDirs(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.name === ".git") await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory()) await removeGitDirs(path);
  }
}

function runGit(
  dir: string,
  args: readonly string[],
  { url, signal }: { readonly url: string; readonly signal: AbortSignal | undefined },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      "sh",
      // Files are readable for all, whatever the caller's umask is.
      ["-c", 'umask 022; exec git "$@"', "git", "-c", "core.hooksPath=/dev/null", ...args],
      { cwd: dir, env: gitEnv(), stdio: ["ignore", "pipe", "pipe"], ...(signal && { signal }) },
    );
    let output = "";
    let complaint = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
    });
    child.stderr.on("data", (chunk: Buffer) => {
      if (complaint.length < 4096) complaint += chunk.toString("utf8");
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve(output);
      else if (code === 127) reject(new Error("the program git is missing: install it"));
      else reject(new Error(withoutPassword(complaint.trim().replaceAll(url, withoutPassword(url)))));
    });
  });
}

function gitEnv(): NodeJS.ProcessEnv {
  return {
    GIT_SSH_COMMAND: "ssh -o BatchMode=yes",
    ...process.env,
    GIT_TERMINAL_PROMPT: "0",
    GIT_ALLOW_PROTOCOL: "http:https:git:ssh",
    GIT_DIR: undefined,
    GIT_WORK_TREE: undefined,
    GIT_INDEX_FILE: undefined,
  };
}

/** Fit to be shown. */
export function withoutPassword(text: string): string {
  return text.replace(/(\/\/[^/@:\s]*):[^/@\s]*@/g, "$1:xxxxx@");
}
