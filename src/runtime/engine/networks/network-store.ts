import { mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import type { Log } from "../../../lib/log.ts";
import type { NetworkRecord } from "./network-record.ts";

/** Networks on disk: `<networks>/<id>/network.json`. */
export class NetworkStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o710 });
  }

  /** A record that cannot be read is left where it is, for a person to look at. */
  async load(log: Log): Promise<readonly NetworkRecord[]> {
    const records: NetworkRecord[] = [];
    for (const id of readdirSync(this.#folder)) {
      try {
        const text = await readFileIfThere(this.#pathOf(id));
        if (text !== undefined) records.push(checked(JSON.parse(text)));
        // A crash between making the folder and writing the record: there never was a network.
        else await rm(join(this.#folder, id), { recursive: true, force: true });
      } catch (error) {
        log.error("cannot read a network's record; the network is left out", { id, error });
      }
    }
    return records;
  }

  async save(record: NetworkRecord): Promise<void> {
    mkdirSync(join(this.#folder, record.id), { recursive: true, mode: 0o700 });
    await writeFileAtomically(this.#pathOf(record.id), `${JSON.stringify(record, undefined, 2)}\n`);
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#folder, id), { recursive: true, force: true });
  }

  #pathOf(id: string): string {
    return join(this.#folder, id, "network.json");
  }
}

function checked(value: unknown): NetworkRecord {
  const record = value as Partial<NetworkRecord> | null;
  if (typeof record?.id !== "string" || typeof record.name !== "string" || !Array.isArray(record.ipam?.pools))
    throw new Error("it is no network record");
  return record as NetworkRecord;
}
