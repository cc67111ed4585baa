import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { COMPOSE_FILE_NAMES } from "../lib/compose-file-names.ts";
import {
  checkOutGit,
  folderOf,
  type GitSource,
  parseGitAddress,
  resolveGitRef,
} from "../lib/git-checkout.ts";

const SWITCH = "COMPOSE_EXPERIMENTAL_GIT_REMOTE";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The path of a Compose file that lies in a git repository. Each commit is checked out once, into the user's cache;
 * what a branch or tag leads to is asked each time.
 */
export async function fetchRemoteFile(address: string, environment: Environment): Promise<string> {
  checkSwitch(environment[SWITCH]);
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

/** docker compose's own switch, on unless it is switched off. */
function checkSwitch(value: string | undefined): void {
  if (value === undefined || value === "" || /^(?:1|t|T|TRUE|true|True)$/.test(value)) return;
  if (/^(?:0|f|F|FALSE|false|False)$/.test(value)) throw new Error(`${SWITCH} switches it off`);
  throw new Error(`${SWITCH} must be true or false, not "${value}"`);
}

/** The address is in the name too: a commit's id is only as good as who gives it out. */
async function checkedOut(source: GitSource, environment: Environment): Promise<string> {
  const commit = await resolveGitRef(source);
  const key = createHash("sha256").update(source.url).digest("hex").slice(0, 16);
  const cache = join(cacheFolder(environment), "git");
  const dir = join(cache, `${key}-${commit}`);
  if ((await stat(dir).catch(() => undefined)) !== undefined) return dir;
  await mkdir(cache, { recursive: true, mode: 0o700 });
  const fresh = await mkdtemp(join(cache, "checkout-"));
  try {
    await checkOutGit(source, join(fresh, "files"));
    await rename(join(fresh, "files"), dir).catch((error: unknown) => {
      // Somebody else was faster: the same files.
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
    });
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  return dir;
}

function cacheFolder(environment: Environment): string {
  const { XDG_CACHE_HOME: cache, HOME: home } = environment;
  return join(cache || join(home || homedir(), ".cache"), "stowage");
}
