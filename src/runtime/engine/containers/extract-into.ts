import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  openSync,
  readdirSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import { type FileHandle, lchown, link, lutimes, mkdir, open, symlink } from "node:fs/promises";
import { posix } from "node:path";
import { RuntimeError } from "../../index.ts";
import { spawnProgram } from "../host/index.ts";
import { programEnv } from "../oci/run-program.ts";
import { type Piece, SparseData, type TarEntry, TarReader } from "../rootfs/index.ts";
import type { ContainerRoot, Place } from "./rooted-path.ts";

export interface ExtractOptions {
  /** Instead of the owners that the archive names. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Refuse to put a file over a folder, and the other way round. */
  readonly keepsKind: boolean;
}

/**
 * Unpacks a tar into a folder of a container, entry by entry through pinned folders: links in the container
 * lead where they lead inside it, and nothing is ever written outside, whatever is swapped meanwhile.
 */
export class ExtractInto {
  readonly #root: ContainerRoot;
  readonly #base: string;
  readonly #options: ExtractOptions;
  #pending: (TarEntry | Buffer)[] = [];
  readonly #reader = new TarReader({
    onEntry: (entry) => this.#pending.push(entry),
    onData: (data) => this.#pending.push(Buffer.from(data)),
  });
  #file: FileHandle | undefined;
  #sparse: SparseData | undefined;
  #finish: (() => Promise<void>) | undefined;
  /** Times of folders, set last: what is put into them changes them. */
  readonly #folders: { readonly insidePath: string; readonly entry: TarEntry }[] = [];

  constructor(root: ContainerRoot, base: string, options: ExtractOptions) {
    this.#root = root;
    this.#base = base;
    this.#options = options;
  }

  async write(chunk: Buffer): Promise<void> {
    try {
      this.#reader.write(chunk);
      const pending = this.#pending;
      this.#pending = [];
      for (const item of pending) {
        if (Buffer.isBuffer(item)) await this.#append(item);
        else await this.#begin(item);
      }
    } catch (error) {
      await this.#file?.close();
      this.#file = undefined;
      throw error;
    }
  }

  async end(): Promise<void> {
    this.#reader.end();
    await this.#finishEntry();
    for (const { insidePath, entry } of this.#folders.reverse()) {
      this.#root.letGo();
      const { path } = this.#root.locate(insidePath, { follow: false });
      await setTime(path, entry).catch(() => {});
    }
  }

  async #append(data: Buffer): Promise<void> {
    if (this.#sparse === undefined) return this.#file?.writeFile(data);
    for (const piece of this.#sparse.place(data)) await writeAt(this.#file, piece);
  }

  async #finishEntry(): Promise<void> {
    const finish = this.#finish;
    this.#finish = undefined;
    await finish?.();
  }

  async #begin(entry: TarEntry): Promise<void> {
    await this.#finishEntry();
    this.#root.letGo();
    const name = checkedName(entry.name);
    if (name === ".") return;
    const place = this.#place(name);
    const isThere = makeRoom(place, entry, this.#options.keepsKind);
    switch (entry.type) {
      case "directory":
        if (!isThere) await mkdir(place.path, 0o700);
        this.#folders.push({ insidePath: place.insidePath, entry });
        return this.#own(place, entry, isThere);
      case "file":
        return this.#beginFile(place, entry);
      case "symlink":
        await symlink(Buffer.from(entry.linkName, "latin1"), place.path);
        return this.#own(place, entry);
      case "hardlink": {
        const target = this.#place(checkedName(entry.linkName));
        await link(target.path, place.path);
        return;
      }
      default:
        await makeNode(place, entry);
        return this.#own(place, entry);
    }
  }

  /** Folders on the way are made when the archive does not name them first. */
  #place(name: string): Place {
    const inside = posix.join(this.#base, Buffer.from(name, "latin1").toString("utf8"));
    return this.#root.locate(inside, { follow: false, makeFolders: true });
  }

  async #beginFile(place: Place, entry: TarEntry): Promise<void> {
    const sparse = entry.sparse === undefined ? undefined : new SparseData(entry.sparse);
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(place.path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    this.#file = file;
    this.#sparse = sparse;
    this.#finish = async () => {
      this.#file = undefined;
      try {
        if (sparse !== undefined) await file.truncate(entry.fileBytes);
        const { uid, gid } = this.#options.owner ?? entry;
        await file.chown(uid, gid);
        await file.chmod(entry.mode);
        await file.utimes(seconds(entry), seconds(entry));
      } finally {
        await file.close();
      }
    };
  }

  async #own(place: Place, entry: TarEntry, wasThere = false): Promise<void> {
    const { uid, gid } = this.#options.owner ?? entry;
    await lchown(place.path, uid, gid);
    if (entry.type === "symlink") return setTime(place.path, entry);
    if (entry.type === "directory") chmodFolder(place, entry.mode);
    else if (!wasThere) await setTime(place.path, entry);
  }
}

async function writeAt(file: FileHandle | undefined, { data, position }: Piece): Promise<void> {
  for (let done = 0; file !== undefined && done < data.length; )
    done += (await file.write(data, done, data.length - done, position + done)).bytesWritten;
}

/** `invalid` for a name that climbs out. */
function checkedName(name: string): string {
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes(".."))
    throw new RuntimeError("invalid", `Invalid tar archive: the name ${JSON.stringify(name)} leads out`);
  return parts.length === 0 ? "." : parts.join("/");
}

/** Whether a folder is there already that the entry may take over; anything else in its place goes. */
function makeRoom(place: Place, entry: TarEntry, keepsKind: boolean): boolean {
  const { stat } = place;
  if (stat === undefined) return false;
  const isFolder = entry.type === "directory";
  if (stat.isDirectory() && isFolder) return true;
  if (keepsKind && stat.isDirectory())
    throw new RuntimeError(
      "invalid",
      `cannot overwrite directory "${place.insidePath}" with non-directory "${entry.name}"`,
    );
  if (keepsKind && isFolder)
    throw new RuntimeError(
      "invalid",
      `cannot overwrite non-directory "${place.insidePath}" with directory "${entry.name}"`,
    );
  removeTree(place.path);
  return false;
}

const FOLDER_FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Every folder is opened before it is emptied, and no link followed. */
function removeTree(path: string): void {
  if (!lstatSync(path).isDirectory()) {
    unlinkSync(path);
    return;
  }
  const folder = openSync(path, FOLDER_FLAGS);
  try {
    for (const name of readdirSync(`/proc/self/fd/${folder}`)) removeTree(`/proc/self/fd/${folder}/${name}`);
  } finally {
    closeSync(folder);
  }
  rmdirSync(path);
}

function chmodFolder(place: Place, mode: number): void {
  const folder = openSync(place.path, FOLDER_FLAGS);
  try {
    fchmodSync(folder, mode);
  } finally {
    closeSync(folder);
  }
}

/** Devices and fifos, by a program that gets the pinned folder. */
async function makeNode(place: Place, entry: TarEntry): Promise<void> {
  const target = `/proc/self/fd/3/${posix.basename(place.path)}`;
  const mode = `--mode=${entry.mode.toString(8)}`;
  const words =
    entry.type === "fifo"
      ? [mode, target, "p"]
      : [
          mode,
          target,
          entry.type === "block-device" ? "b" : "c",
          String(entry.deviceMajor),
          String(entry.deviceMinor),
        ];
  const child = spawnProgram("mknod", words, {
    stdio: ["ignore", "ignore", "ignore", place.folder],
    env: programEnv(),
  });
  const code = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(1));
    child.once("exit", resolve);
  });
  if (code !== 0) throw new RuntimeError("internal", `Cannot make the device or fifo ${place.insidePath}`);
}

function setTime(path: string, entry: TarEntry): Promise<void> {
  return lutimes(path, seconds(entry), seconds(entry));
}

/** Far away times are the kernel's to clamp, not to fail for. */
function seconds({ mtime }: TarEntry): number {
  return Math.min(Math.max(mtime.seconds, -(2 ** 31)), 2 ** 34) + mtime.nanoseconds / 1e9;
}
