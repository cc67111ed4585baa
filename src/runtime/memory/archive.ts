import { posix } from "node:path";
import { Readable } from "node:stream";
import { extract, pack } from "tar-stream";
import type { PathStat } from "../index.ts";
import { RuntimeError } from "../index.ts";
import type { ContainerRecord } from "./world.ts";

const FOLDER_BITS = 0o040755;
const FILE_BITS = 0o100000;

export function statPath(record: ContainerRecord, path: string): PathStat {
  const file = record.files.read(path);
  if (file === undefined && !record.files.isFolder(path))
    throw new RuntimeError("not-found", `Could not find the file ${path} in container ${record.name}`);
  return {
    name: posix.basename(path) || "/",
    sizeBytes: file?.data.length ?? 0,
    mode: file === undefined ? FOLDER_BITS : FILE_BITS | file.mode,
    modifiedAt: new Date(file?.modifiedAtMs ?? record.createdAtMs),
    linkTarget: "",
  };
}

export function readArchive(record: ContainerRecord, path: string): Readable {
  const { name } = statPath(record, path);
  const archive = pack();
  const isFolder = record.files.read(path) === undefined;
  if (isFolder) archive.entry({ name: `${name}/`, type: "directory" });
  for (const [rest, file] of record.files.list(path))
    archive.entry(
      { name: rest === "" ? name : `${name}/${rest}`, mode: file.mode, uid: file.uid, gid: file.gid },
      Buffer.from(file.data),
    );
  archive.finalize();
  return Readable.from(archive);
}

export async function writeArchive(record: ContainerRecord, path: string, archive: Readable): Promise<void> {
  if (!record.files.isFolder(path))
    throw new RuntimeError("not-found", `Could not find the file ${path} in container ${record.name}`);
  if (record.files.isReadOnly) throw new RuntimeError("conflict", "container rootfs is marked read-only");
  const reader = archive.pipe(extract());
  for await (const entry of reader) {
    const { name, type, mode = 0o644, uid = 0, gid = 0, mtime } = entry.header;
    const target = posix.resolve(path, name);
    if (type === "directory") record.files.makeFolder(target);
    const parts: Buffer[] = [];
    for await (const part of entry) parts.push(part as Buffer);
    if (type !== "file" && type !== undefined) continue;
    record.files.write(
      target,
      { data: Buffer.concat(parts), mode, uid, gid, modifiedAtMs: mtime?.getTime() ?? record.createdAtMs },
      true,
    );
  }
}
