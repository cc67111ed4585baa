import { randomBytes } from "node:crypto";
import type { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import type { Log } from "../../../lib/log.ts";
import { stableJson } from "../../../lib/stable-json.ts";
import { type Filters, RuntimeError, type VolumeInfo, type VolumeSpec, type Volumes } from "../../index.ts";
import type { EventBus } from "../event-bus.ts";
import { checkFilterKeys, isTrueFilter, matchesLabels, matchesName } from "../filters.ts";
import { fileBytes } from "../rootfs/index.ts";
import { driverMountOf } from "./driver-options.ts";
import { isMountPoint, type MountedVolumes } from "./mounted-volumes.ts";
import { ANONYMOUS_LABEL, type VolumeRecord, volumeInfo } from "./volume-record.ts";
import type { VolumeReferences } from "./volume-references.ts";
import type { VolumeStore } from "./volume-store.ts";

export interface VolumesPortOptions {
  readonly store: VolumeStore;
  readonly mounts: MountedVolumes;
  readonly references: VolumeReferences;
  readonly events: EventBus;
  readonly log: Log;
  /** Shared with whoever mounts them. */
  readonly perVolume: KeyedMutex;
}

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const MOST_NAME_CHARACTERS = 255;
const FILTERS = new Set(["name", "label", "label!", "driver", "dangling"]);

/** What the port says about volumes themselves. */
export class VolumesPort implements Volumes {
  readonly #options: VolumesPortOptions;
  readonly #volumes = new Map<string, VolumeRecord>();

  constructor(options: VolumesPortOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    for (const record of await this.#options.store.load()) this.#volumes.set(record.name, record);
  }

  /** The record behind a name; undefined without one. */
  record(name: string): VolumeRecord | undefined {
    return this.#volumes.get(name);
  }

  names(): readonly string[] {
    return [...this.#volumes.keys()];
  }

  /** `containerId`: the container it is for, which refers to it from here on. */
  async create(
    spec: VolumeSpec,
    { containerId }: { readonly containerId?: string } = {},
  ): Promise<VolumeInfo> {
    const { driver = "local", options = {}, labels = {} } = spec;
    const isAnonymous = spec.name === undefined || spec.name === "";
    const name = isAnonymous ? randomBytes(32).toString("hex") : (spec.name ?? "");
    if (!NAME.test(name) || name.length > MOST_NAME_CHARACTERS)
      throw new RuntimeError(
        "invalid",
        `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    if (driver !== "local" && driver !== "")
      throw new RuntimeError(
        "not-found",
        `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
      );
    driverMountOf(options);
    return this.#options.perVolume.run(name, async () => {
      if (containerId !== undefined) this.#options.references.add(name, containerId);
      const existing = this.#volumes.get(name);
      if (existing !== undefined) return this.#info(sameAs(existing, spec));
      const record: VolumeRecord = {
        name,
        driver: "local",
        options,
        labels: isAnonymous ? { ...labels, [ANONYMOUS_LABEL]: "" } : labels,
        createdAt: new Date().toISOString(),
        isAnonymous,
      };
      await this.#options.store.create(record);
      this.#volumes.set(name, record);
      this.#announce("create", name, { driver: record.driver });
      return this.#info(record);
    });
  }

  async inspect(name: string): Promise<VolumeInfo> {
    return this.#info(this.#find(name));
  }

  async list(
    filters: Filters = {},
    { usage = false }: { readonly usage?: boolean } = {},
  ): Promise<readonly VolumeInfo[]> {
    checkFilterKeys(filters, FILTERS);
    const found = [...this.#volumes.values()]
      .filter((record) => this.#matches(record, filters))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    if (!usage) return found.map((record) => this.#info(record));
    const infos: VolumeInfo[] = [];
    for (const record of found) infos.push({ ...this.#info(record), usage: await this.#usage(record) });
    return infos;
  }

  async remove(name: string, { force = false }: { readonly force?: boolean } = {}): Promise<void> {
    await this.#options.perVolume.run(name, async () => {
      if (force && !this.#volumes.has(name)) return;
      await this.#remove(this.#find(name));
    });
  }

  async prune(
    filters: Filters = {},
  ): Promise<{ readonly removed: readonly string[]; readonly reclaimedBytes: number }> {
    const { all = [], ...rest } = filters;
    const includesNamed = isTrueFilter("all", all);
    const removed: string[] = [];
    let reclaimedBytes = 0;
    for (const { name, isAnonymous, options } of await this.list(rest)) {
      if (!(isAnonymous || includesNamed) || Object.keys(options).length > 0) continue;
      if (this.#options.references.of(name).length > 0) continue;
      const pruned = this.#options.perVolume.run(name, async () => {
        const record = this.#volumes.get(name);
        if (record === undefined || this.#options.references.of(name).length > 0) return;
        const { sizeBytes } = await this.#usage(record);
        await this.#remove(record);
        removed.push(name);
        reclaimedBytes += sizeBytes;
      });
      await pruned.catch((error) => this.#options.log.warn("Cannot prune a volume", { name, error }));
    }
    this.#announce("prune", "", { reclaimed: String(reclaimedBytes) });
    return { removed, reclaimedBytes };
  }

  #find(name: string): VolumeRecord {
    const record = this.#volumes.get(name);
    if (record === undefined) throw new RuntimeError("not-found", `get ${name}: no such volume`);
    return record;
  }

  async #remove({ name, driver }: VolumeRecord): Promise<void> {
    const { store, mounts, references } = this.#options;
    const ids = references.of(name);
    if (ids.length > 0)
      throw new RuntimeError("conflict", `remove ${name}: volume is in use - [${ids.join(", ")}]`);
    const dataDir = store.dataDir(name);
    await mounts.unmountDriver(dataDir);
    // What is mounted there is not ours: rather a volume too many than somebody's files gone.
    if (isMountPoint(dataDir))
      throw new RuntimeError("conflict", `remove ${name}: something is still mounted on ${dataDir}`);
    this.#volumes.delete(name);
    await store.remove(name);
    this.#announce("destroy", name, { driver });
  }

  #announce(action: string, id: string, attributes: Readonly<Record<string, string>>): void {
    this.#options.events.publish({ type: "volume", action, id, attributes });
  }

  #info(record: VolumeRecord): VolumeInfo {
    return volumeInfo(record, this.#options.store.dataDir(record.name));
  }

  async #usage({
    name,
    options,
  }: VolumeRecord): Promise<{ readonly sizeBytes: number; readonly references: number }> {
    const { store, references } = this.#options;
    // Of what lies elsewhere we free nothing.
    const sizeBytes = driverMountOf(options) === undefined ? await fileBytes(store.dataDir(name)) : 0;
    return { sizeBytes, references: references.of(name).length };
  }

  #matches(record: VolumeRecord, filters: Filters): boolean {
    return Object.entries(filters).every(([key, values]) => {
      switch (key) {
        case "name":
          return matchesName(record.name, values);
        case "label":
          return matchesLabels(record.labels, values);
        case "label!":
          return !matchesLabels(record.labels, values);
        case "driver":
          return values.includes(record.driver);
        case "dangling":
          return (this.#options.references.of(record.name).length === 0) === isTrueFilter(key, values);
        default:
          return true;
      }
    });
  }
}

/** Asking for what is there is fine; asking for something else under its name is not. */
function sameAs(existing: VolumeRecord, spec: VolumeSpec): VolumeRecord {
  if (spec.options === undefined || Object.keys(spec.options).length === 0) return existing;
  if (stableJson(spec.options) === stableJson(existing.options)) return existing;
  throw new RuntimeError(
    "conflict",
    `create ${existing.name}: conflict: volume name must be unique: it exists with other driver options`,
  );
}
