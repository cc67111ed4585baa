import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import type { Log } from "../../../lib/log.ts";
import { startTool } from "../rootfs/index.ts";
import type { VolumeRecord } from "./volume-record.ts";

const RECORD = "volume.json";
const DATA = "_data";
/** No volume's name begins with a dot. */
const DISCARDED = ".discarded-";

/** Volumes on disk: `<volumes>/<name>/{volume.json,_data}`. */
export class VolumeStore {
  readonly #folder: string;
  readonly #log: Log;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  dataDir(name: string): string {
    return join(this.#folder, name, DATA);
  }

  /** A free path beside the data, on the same file system. */
  stagingDir(name: string): string {
    return join(this.#folder, name, `.copy-${randomBytes(4).toString("hex")}`);
  }

  async load(): Promise<readonly VolumeRecord[]> {
    const records: VolumeRecord[] = [];
    for (const name of readdirSync(this.#folder)) {
      if (name.startsWith(".")) continue;
      try {
        const text = await readFileIfThere(join(this.#folder, name, RECORD));
        if (text !== undefined) records.push(checked(JSON.parse(text), name));
        else await this.#dropUnfinished(name);
      } catch (error) {
        this.#log.error("cannot read a volume's record; the volume is left out, its data stays", {
          name,
          error,
        });
      }
    }
    return records;
  }

  /** The record last: with it the volume exists. */
  async create(record: VolumeRecord): Promise<void> {
    await mkdir(join(this.#folder, record.name), { recursive: true, mode: 0o700 });
    await mkdir(this.dataDir(record.name), { recursive: true, mode: 0o755 });
    await writeFileAtomically(
      join(this.#folder, record.name, RECORD),
      `${JSON.stringify(record, undefined, 2)}\n`,
    );
  }

  /** Gone at once under its name; resolves when its bytes are freed. */
  async remove(name: string): Promise<void> {
    const discarded = join(this.#folder, `${DISCARDED}${randomBytes(8).toString("hex")}`);
    try {
      await rename(join(this.#folder, name), discarded);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await deleteTree(discarded);
  }

  /** What a crash left half deleted or half copied. */
  async clean(): Promise<void> {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name);
      if (name.startsWith(DISCARDED)) await deleteTree(path);
      else
        for (const entry of readdirSync(path))
          if (entry.startsWith(".copy-") || entry.endsWith(".tmp")) await deleteTree(join(path, entry));
    }
  }

  /** A crash before the record was written; data without a record is somebody's: kept. */
  async #dropUnfinished(name: string): Promise<void> {
    const data = this.dataDir(name);
    let entries: readonly string[] = [];
    try {
      entries = readdirSync(data);
    } catch {
      // Not even a data folder.
    }
    if (entries.length === 0) await rm(join(this.#folder, name), { recursive: true, force: true });
    else this.#log.warn("a folder among the volumes has no record and is left alone", { name });
  }
}

/** Never into another file system: whatever is mounted below is not ours to delete. */
export async function deleteTree(path: string): Promise<void> {
  const tool = startTool(["rm", "-rf", "--one-file-system", "--", path]);
  tool.stdout.resume();
  await tool.ended;
}

function checked(value: unknown, name: string): VolumeRecord {
  const record = value as Partial<VolumeRecord> | null;
  if (record?.name !== name || typeof record.createdAt !== "string")
    throw new Error("it is no volume record");
  return record as VolumeRecord;
}
