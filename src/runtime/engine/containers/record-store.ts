import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, readFileIfThere, syncFolder, writeFileAtomically } from "../../../lib/atomic-file.ts";
import type { DiskLayout } from "../disk-layout.ts";
import { type ContainerRecord, parseRecord } from "./record.ts";

const FILE = "record.json";
const TRASH = ".gone-";

export interface LoadedRecords {
  readonly records: readonly ContainerRecord[];
  /** Folders without a record, and since when: creations that a crash cut short. */
  readonly unfinished: readonly { readonly id: string; readonly sinceMs: number }[];
  /** Folders whose record cannot be read; it was set aside as `record.json.corrupt`. */
  readonly corrupt: readonly string[];
}

/** The containers on disk. Writing a record is what makes a container exist; deleting its folder ends it. */
export class RecordStore {
  readonly #layout: DiskLayout;

  constructor(layout: DiskLayout) {
    this.#layout = layout;
  }

  async prepareFolder(id: string): Promise<void> {
    await mkdir(this.#layout.containerDir(id), { recursive: true, mode: 0o710 });
  }

  async save(record: ContainerRecord): Promise<void> {
    await writeFileAtomically(join(this.#layout.containerDir(record.id), FILE), JSON.stringify(record));
  }

  /** One rename makes it gone, power cut or not; the files follow. */
  async delete(id: string): Promise<void> {
    const trash = join(this.#layout.containersDir, `${TRASH}${id}`);
    await rename(this.#layout.containerDir(id), trash).catch((error) => {
      if (!isMissing(error)) throw error;
    });
    await syncFolder(this.#layout.containersDir);
    await rm(trash, { recursive: true, force: true });
  }

  async load(): Promise<LoadedRecords> {
    await mkdir(this.#layout.containersDir, { recursive: true, mode: 0o710 });
    const records: ContainerRecord[] = [];
    const unfinished: { id: string; sinceMs: number }[] = [];
    const corrupt: string[] = [];
    for (const id of await readdir(this.#layout.containersDir)) {
      if (id.startsWith(TRASH)) {
        await rm(join(this.#layout.containersDir, id), { recursive: true, force: true });
        continue;
      }
      const path = join(this.#layout.containerDir(id), FILE);
      const text = await readFileIfThere(path);
      const record = text === undefined ? undefined : parseRecord(text);
      if (record?.id === id) records.push(record);
      else if (text !== undefined) {
        await rename(path, `${path}.corrupt`);
        corrupt.push(id);
      } else if (await isSetAside(path)) corrupt.push(id);
      else unfinished.push({ id, sinceMs: (await stat(this.#layout.containerDir(id))).birthtimeMs });
    }
    return { records, unfinished, corrupt };
  }
}

async function isSetAside(path: string): Promise<boolean> {
  return (await readFileIfThere(`${path}.corrupt`)) !== undefined;
}
