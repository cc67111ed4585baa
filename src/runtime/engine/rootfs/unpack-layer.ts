import { mkdir, statfs } from "node:fs/promises";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { RuntimeError } from "../../index.ts";
import { EMPTY_FOLDER, entryName, type LayerContent, LayerFilter } from "./layer-filter.ts";
import { formatEntry, TAR_BLOCK } from "./tar/index.ts";
import { jailed } from "./tar-jail.ts";
import { isBrokenPipe, startTool } from "./tool.ts";

const MAX_ENTRIES = 2_000_000;

export interface UnpackOptions {
  /** Any empty folder. */
  readonly jailDir: string;
  /** Ordinary files rather than a layer. */
  readonly isPlain?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks a layer's (uncompressed) tar, a stream and what it goes through, into `targetDir`, which must be empty, in the form overlayfs wants of a
 * lower folder. Nothing of the archive is trusted: see `LayerFilter`; besides, tar runs where it sees nothing
 * writable but the target. What a failure leaves in the target is the caller's to remove.
 */
export async function unpackLayer(
  tar: readonly [Readable, ...Transform[]],
  targetDir: string,
  options: UnpackOptions,
): Promise<LayerContent> {
  await mkdir(options.jailDir, { recursive: true });
  const space = await statfs(targetDir);
  const filter = new LayerFilter({
    isPlain: options.isPlain ?? false,
    maxEntries: MAX_ENTRIES,
    maxBytes: Math.max(0, space.bavail * space.bsize * 0.9),
  });
  await extract([...tar, filter], targetDir, options, []);
  const { whiteouts } = filter.content;
  if (whiteouts.length > 0)
    await extract([Readable.from(whiteoutBlocks(whiteouts), { objectMode: false })], targetDir, options, [
      "--skip-old-files",
    ]);
  return filter.content;
}

async function extract(
  streams: readonly [Readable, ...Transform[]],
  targetDir: string,
  options: UnpackOptions,
  extraArguments: readonly string[],
): Promise<void> {
  const command = jailed(options.jailDir, targetDir, (dir) => [
    "tar",
    ...["--extract", "--file=-", `--directory=${dir}`],
    ...["--preserve-permissions", "--same-owner", "--numeric-owner", "--delay-directory-restore"],
    // The filter keeps names inside. Without this, tar makes links that lead up or to `/` at the end only, and takes a
    // file that replaced one for its placeholder when it got the same inode.
    "--absolute-names",
    ...["--xattrs", "--xattrs-include=*", "--warning=no-timestamp", "--warning=no-unknown-keyword"],
    ...extraArguments,
  ]);
  const tool = startTool(command, { signal: options.signal });
  tool.stdout.resume();
  const feeding = pipeline(
    [...streams, tool.stdin],
    options.signal === undefined ? {} : { signal: options.signal },
  );
  const [fed, ended] = await Promise.allSettled([feeding, tool.ended]);
  // When the archive was refused, tar only saw it end too early; when tar gave up, the pipe only broke.
  if (fed.status === "rejected" && !isBrokenPipe(fed.reason)) throw fed.reason;
  if (ended.status === "rejected")
    throw new RuntimeError(isFull(ended.reason) ? "exhausted" : "invalid", "Cannot unpack layer", {
      cause: ended.reason,
    });
  if (fed.status === "rejected") throw fed.reason;
}

function isFull(error: unknown): boolean {
  return error instanceof Error && error.message.includes("No space left on device");
}

/** Overlayfs hides a name by a character device 0:0 of that name. */
function* whiteoutBlocks(paths: readonly string[]): Generator<Buffer> {
  for (const path of paths) {
    const type = "character-device";
    yield formatEntry({ ...EMPTY_FOLDER, type, name: entryName(path, type), mode: 0 });
  }
  yield Buffer.alloc(2 * TAR_BLOCK);
}
