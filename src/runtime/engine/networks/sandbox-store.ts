import { mkdirSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { readFileIfThere, writeFileAtomically } from "../../../lib/atomic-file.ts";
import type { Log } from "../../../lib/log.ts";
import { resolverPaths } from "./resolver/protocol.ts";
import type { SandboxRecord } from "./sandbox-record.ts";

/** One file per open sandbox; the resolver process reads them too. Gone with the reboot that takes the namespaces. */
export class SandboxStore {
  readonly #folder: string;

  constructor(dnsDir: string) {
    this.#folder = resolverPaths(dnsDir).sandboxesDir;
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
  }

  async load(log: Log): Promise<readonly SandboxRecord[]> {
    const records: SandboxRecord[] = [];
    for (const file of readdirSync(this.#folder)) {
      const id = basename(file, ".json");
      try {
        const text = file.endsWith(".json") ? await readFileIfThere(this.#pathOf(id)) : undefined;
        if (text === undefined) await rm(join(this.#folder, file), { force: true });
        else records.push(checked(JSON.parse(text)));
      } catch (error) {
        log.warn("cannot read what a container holds of the network; it is forgotten", { id, error });
        await this.remove(id);
      }
    }
    return records;
  }

  async save(record: SandboxRecord): Promise<void> {
    await writeFileAtomically(this.#pathOf(record.containerId), JSON.stringify(record), { isDurable: false });
  }

  async remove(containerId: string): Promise<void> {
    await rm(this.#pathOf(containerId), { force: true });
  }

  #pathOf(containerId: string): string {
    return join(this.#folder, `${containerId}.json`);
  }
}

function checked(value: unknown): SandboxRecord {
  const record = value as Partial<SandboxRecord> | null;
  if (
    typeof record?.containerId !== "string" ||
    !Array.isArray(record.endpoints) ||
    !Array.isArray(record.ports)
  )
    throw new Error("it is no sandbox record");
  return record as SandboxRecord;
}
