import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { COMPOSE_FILE_NAMES } from "../lib/compose-file-names.ts";
import {
  checkOutGit,
  folderOf,
  type GitSource,
  parseGitAddress,
  resolveGitRef,
} from "../lib/git-checkout.ts";
import { checkSwitch, type Environment, heldPath, hold, isHeld } from "./remote-cache.ts";

/**
 * The path of a Compose file that lies in a git repository. Each commit is checked out once, into the user's cache;
 * what a branch or tag leads to is asked each time.
 */
export async function fetchGitFile(address: string, environment: Environment): Promise<string> {
  checkSwitch("COMPOSE_EXPERIMENTAL_GIT_REMOTE", environment);
  const source = parseGitAddress(address);
  const dir = await checkedOut(source, environment);
  const found = await folderOf(dir, source.folder);
  if ((await stat(found)).isFile()) return found;
  for (const name of COMPOSE_FILE_NAMES) {
    const path = await folderOf(found, name).catch(() => undefined);
    if (path !== undefined) return path;
  }
  throw new Error(
    `the repository has no ${COMPOSE_FILE_NAMES[0]}${source.folder === "" ? "" : ` in "${source.folder}"`}`,
  );
}

/** The address is in the name too: a commit's id is only as good as who gives it out. */
async function checkedOut(source: GitSource, environment: Environment): Promise<string> {
  const commit = await resolveGitRef(source);
  const key = createHash("sha256").update(source.url).digest("hex").slice(0, 16);
  const path = heldPath(environment, "git", `${key}-${commit}`);
  if (!(await isHeld(path))) await hold(path, (dir) => checkOutGit(source, dir));
  return path;
}
