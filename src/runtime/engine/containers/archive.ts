import { readlinkSync } from "node:fs";
import { basename, posix } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { hasKind, type PathStat, RuntimeError } from "../../index.ts";
import { spawnProgram } from "../host/index.ts";
import { programEnv } from "../oci/run-program.ts";
import type { Container } from "./container.ts";
import { announce } from "./container-events.ts";
import { openRoot } from "./container-root.ts";
import type { ContainersContext } from "./context.ts";
import type { ContainerRoot, Place } from "./rooted-path.ts";

/** See `Containers.statPath`. */
export async function statPath(ctx: ContainersContext, nameOrId: string, path: string): Promise<PathStat> {
  const container = ctx.table.find(nameOrId);
  const { root, close } = await openRoot(ctx, container);
  try {
    return describe(root, locate(root, nameOrId, path), path);
  } finally {
    await close();
  }
}

/** See `Containers.readArchive`. tar starts in the pinned folder and follows no link. */
export async function readArchive(
  ctx: ContainersContext,
  nameOrId: string,
  path: string,
): Promise<{ readonly stat: PathStat; readonly archive: Readable }> {
  const container = ctx.table.find(nameOrId);
  const { root, close } = await openRoot(ctx, container);
  try {
    const place = locate(root, nameOrId, path);
    const stat = describe(root, place, path);
    const archive = tarOf(root, place, { path, name: stat.name });
    archive.once("close", () => void close().catch(() => {}));
    announce(ctx, container, "archive-path");
    return { stat, archive };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The last part is not followed unless a slash behind it says so. */
export function locate(root: ContainerRoot, nameOrId: string, path: string): Place {
  if (path === "") throw new RuntimeError("invalid", "bad parameter: path cannot be empty");
  try {
    const place = root.locate(posix.join("/", path) + (/\/\.?$/.test(path) ? "/." : ""), { follow: false });
    if (place.stat !== undefined) return place;
  } catch (error) {
    if (!hasKind(error, "not-found")) throw error;
  }
  throw new RuntimeError("not-found", `Could not find the file ${path} in container ${nameOrId}`);
}

function describe(root: ContainerRoot, place: Place, path: string): PathStat {
  const { stat } = place;
  if (stat === undefined) throw new RuntimeError("not-found", `Could not find the file ${path}`);
  return {
    name: path.replace(/\/+$/, "") === "" ? "/" : basename(posix.join("/", path)),
    sizeBytes: stat.size,
    mode: stat.mode,
    modifiedAt: stat.mtime,
    linkTarget: stat.isSymbolicLink() ? linkTarget(root, place) : "",
  };
}

/** Where the link leads, as an absolute path inside; where it leads nowhere, what it says. */
function linkTarget(root: ContainerRoot, place: Place): string {
  try {
    return root.locate(place.insidePath).insidePath;
  } catch {
    return readlinkSync(place.path);
  }
}

/** `name`: what it is asked for by, which a link followed is not stored by. */
function tarOf(
  root: ContainerRoot,
  place: Place,
  { path, name }: { readonly path: string; readonly name: string },
): Readable {
  const isContent = /\/\.$/.test(path) || place.path.endsWith("/.");
  const folder = isContent ? root.openFolder(place) : place.folder;
  // A volume's folder has its own name on the machine.
  const storedName = basename(place.path);
  const renamed =
    isContent || storedName === name
      ? []
      : [`--transform=flags=rh;s|^${escapePattern(storedName)}|${escapeReplacement(name)}|`];
  return runTar(folder, [WHOLE_SECONDS, ...renamed, "--", isContent ? "." : storedName]);
}

/** As dockerd's archives: a fraction would put a header before each file that clients without pax do not know. */
const WHOLE_SECONDS = "--pax-option=delete=mtime";

const escapePattern = (text: string) => text.replace(/[\\^$.*[\]|]/g, "\\$&");
const escapeReplacement = (text: string) => text.replace(/[\\&|]/g, "\\$&");

/** A tar of names in an open folder, holes as zeros: not every client reads sparse files. Files that change meanwhile are no failure. */
export function runTar(folder: number, args: readonly string[]): Readable {
  const child = spawnProgram(
    "tar",
    [
      ...["--create", "--file=-", "--format=posix", "--pax-option=delete=atime,delete=ctime"],
      ...["--numeric-owner", "--xattrs", "--xattrs-include=security.capability"],
      ...["--warning=no-file-ignored", "--warning=no-file-changed", "--directory=/proc/self/fd/3"],
      ...args,
    ],
    { stdio: ["ignore", "pipe", "pipe", folder], env: programEnv() },
  );
  const output = new PassThrough();
  let complaint = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    if (complaint.length < 4096) complaint += chunk.toString("utf8");
  });
  child.stdout?.pipe(output, { end: false });
  child.once("error", (cause) =>
    output.destroy(new RuntimeError("unavailable", "Cannot run tar", { cause })),
  );
  child.once("close", (code) => {
    if (code === 0 || code === 1) output.end();
    else output.destroy(new RuntimeError("internal", `Cannot read the files: ${complaint.trim()}`));
  });
  output.once("close", () => child.kill("SIGKILL"));
  return output;
}

export function announceExtraction(ctx: ContainersContext, container: Container): void {
  announce(ctx, container, "extract-to-dir");
}
