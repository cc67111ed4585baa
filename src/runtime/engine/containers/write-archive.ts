import type { Readable } from "node:stream";
import { hasKind, RuntimeError } from "../../index.ts";
import { compressionOf, decompress, MAGIC_BYTES } from "../images/index.ts";
import { announceExtraction, locate } from "./archive.ts";
import type { Container } from "./container.ts";
import { openRoot } from "./container-root.ts";
import type { ContainersContext } from "./context.ts";
import { ExtractInto } from "./extract-into.ts";
import type { ContainerRoot } from "./rooted-path.ts";
import { userFiles } from "./user-files.ts";
import { lookUpUser } from "./user-lookup.ts";

export interface WriteArchiveOptions {
  readonly noOverwriteDirNonDir?: boolean;
  readonly copyUidGid?: boolean;
}

/** See `Containers.writeArchive`. */
export async function writeArchive(
  ctx: ContainersContext,
  nameOrId: string,
  path: string,
  archive: Readable,
  { noOverwriteDirNonDir = false, copyUidGid = false }: WriteArchiveOptions = {},
): Promise<void> {
  const container = ctx.table.find(nameOrId);
  const { root, close } = await openRoot(ctx, container);
  try {
    const place = locateFolder(root, nameOrId, path);
    if (!place.stat?.isDirectory()) throw new RuntimeError("invalid", "extraction point is not a directory");
    refuseReadOnly(container, root, place.insidePath);
    const { user } = container.effective;
    const owner =
      copyUidGid && user !== ""
        ? lookUpUser({
            user,
            groupAdd: [],
            ...userFiles(root),
          })
        : undefined;
    const target = new ExtractInto(root, place.insidePath, { owner, keepsKind: noOverwriteDirNonDir });
    for await (const chunk of await plain(archive)) await target.write(chunk as Buffer);
    await target.end();
    announceExtraction(ctx, container);
  } catch (error) {
    throw readable(error);
  } finally {
    await close();
  }
}

/** What the path leads to; the complaint names the path as it was given. */
function locateFolder(root: Parameters<typeof locate>[0], nameOrId: string, path: string) {
  try {
    return locate(root, nameOrId, `${path}/.`);
  } catch (error) {
    if (!hasKind(error, "not-found")) throw error;
    locate(root, nameOrId, path);
    throw new RuntimeError("invalid", "extraction point is not a directory");
  }
}

/** A container that does not run has all of it writable, as far as the machine goes. */
function refuseReadOnly({ record }: Container, root: ContainerRoot, path: string): void {
  const [mount] = record.mounts
    .map(({ target, isReadWrite }) => ({ target: root.mountPoint(target), isReadWrite }))
    .filter(({ target }) => path === target || path.startsWith(`${target}/`))
    .toSorted((a, b) => b.target.length - a.target.length);
  if (mount === undefined && record.spec.readOnlyRootfs === true)
    throw new RuntimeError("forbidden", "container rootfs is marked read-only");
  if (mount?.isReadWrite === false) throw new RuntimeError("forbidden", "mounted volume is marked read-only");
}

/** Decompressed where its first bytes say it is compressed. */
async function plain(archive: Readable): Promise<Readable> {
  const start = await firstBytes(archive, MAGIC_BYTES);
  if (start.length > 0) archive.unshift(start);
  return decompress(archive, compressionOf(start));
}

async function firstBytes(stream: Readable, count: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let size = 0; size < count; ) {
    const chunk: Buffer | null = stream.read();
    if (chunk !== null) {
      parts.push(chunk);
      size += chunk.length;
    } else if (stream.readableEnded || stream.errored) break;
    else if (!(await readableAgain(stream))) break;
  }
  return Buffer.concat(parts);
}

function readableAgain(stream: Readable): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void) => {
      stream.off("readable", more).off("end", end).off("error", fail);
      action();
    };
    const more = () => settle(() => resolve(true));
    const end = () => settle(() => resolve(false));
    const fail = (error: Error) => settle(() => reject(error));
    stream.once("readable", more).once("end", end).once("error", fail);
  });
}

function readable(error: unknown): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  switch (error.code) {
    case "EROFS":
      return new RuntimeError("forbidden", "container rootfs is marked read-only", { cause: error });
    case "ENOSPC":
    case "EDQUOT":
      return new RuntimeError("exhausted", "Cannot write the files: no space is left", { cause: error });
    default:
      return error;
  }
}
