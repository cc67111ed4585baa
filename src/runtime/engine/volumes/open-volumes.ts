import { existsSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { release as kernelRelease } from "node:os";
import { KeyedMutex } from "../../../lib/keyed-mutex.ts";
import { type Log, silentLog } from "../../../lib/log.ts";
import { RuntimeError } from "../../index.ts";
import type { DiskLayout } from "../disk-layout.ts";
import type { EventBus } from "../event-bus.ts";
import type { Host } from "../host.ts";
import type { PreparedMount, SettledMount, Users, VolumePart } from "../parts.ts";
import { copyUpByMoving, copyUpByReplacement, isEmptyFolder, pinFolder } from "./copy-up.ts";
import { driverMountOf } from "./driver-options.ts";
import { MountedVolumes } from "./mounted-volumes.ts";
import { draftMounts, type MountDraft } from "./settle-mounts.ts";
import { VolumeReferences } from "./volume-references.ts";
import { VolumeStore } from "./volume-store.ts";
import { VolumesPort } from "./volumes-port.ts";

export interface OpenVolumesOptions {
  readonly layout: DiskLayout;
  readonly host: Host;
  readonly users: Users;
  readonly events: EventBus;
  readonly log?: Log;
}

export async function openVolumes(options: OpenVolumesOptions): Promise<VolumePart> {
  const part = new VolumesOfEngine(options);
  await part.port.load();
  return part;
}

class VolumesOfEngine implements VolumePart {
  readonly port: VolumesPort;
  readonly #store: VolumeStore;
  readonly #mounts: MountedVolumes;
  readonly #users: Users;
  readonly #references: VolumeReferences;
  readonly #perVolume = new KeyedMutex();
  /** Who has it mounted, by volume. Runs of a former life of the daemon: asked for at the first occasion. */
  readonly #usedBy = new Map<string, Set<User>>();

  constructor({ layout, host, users, events, log = silentLog }: OpenVolumesOptions) {
    this.#users = users;
    this.#references = new VolumeReferences(users);
    this.#store = new VolumeStore(layout.volumesDir, log);
    this.#mounts = new MountedVolumes(layout, host);
    this.port = new VolumesPort({
      store: this.#store,
      mounts: this.#mounts,
      references: this.#references,
      events,
      log,
      perVolume: this.#perVolume,
    });
  }

  async settle({
    containerId,
    spec,
    imageVolumes,
    inherited,
  }: Parameters<VolumePart["settle"]>[0]): Promise<readonly SettledMount[]> {
    const drafts = draftMounts(spec, imageVolumes, inherited);
    for (const draft of drafts) if (draft.kind === "settled") checkSource(draft.mount);
    // At once, while the container that lends them is there.
    for (const { type, name } of inherited)
      if (type === "volume" && name !== undefined) this.#references.add(name, containerId);
    const made: string[] = [];
    try {
      const settled: SettledMount[] = [];
      for (const draft of drafts) settled.push(await this.#settleOne(draft, { containerId, made }));
      return settled;
    } catch (error) {
      this.settled(containerId);
      for (const name of made) await this.port.remove(name, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  settled(containerId: string): void {
    this.#references.settled(containerId);
  }

  async prepare(
    ...[mounts, rootfsDir, containerId]: Parameters<VolumePart["prepare"]>
  ): Promise<readonly PreparedMount[]> {
    return this.#prepareAll(mounts, { rootfsDir, user: containerId });
  }

  async release(mounts: readonly SettledMount[], containerId: string): Promise<void> {
    await this.#releaseAll(mounts, containerId);
  }

  async visit(...[mounts, rootfsDir]: Parameters<VolumePart["visit"]>): ReturnType<VolumePart["visit"]> {
    const user = Symbol("visit");
    return {
      mounts: await this.#prepareAll(mounts, { rootfsDir, user }),
      leave: () => this.#releaseAll(mounts, user),
    };
  }

  async recover(): Promise<void> {
    await this.#store.clean();
    const inUse = this.port.names().filter((name) => this.#usersOf(name).size > 0);
    await this.#mounts.unmountSubpathsExcept(inUse);
    for (const name of this.port.names())
      if (!inUse.includes(name)) await this.#mounts.unmountDriver(this.#store.dataDir(name));
  }

  async #prepareAll(mounts: readonly SettledMount[], use: Use): Promise<readonly PreparedMount[]> {
    try {
      const prepared: PreparedMount[] = [];
      // Outer ones first: what is mounted later lies over what was there.
      for (const mount of mounts.toSorted((a, b) => depth(a.target) - depth(b.target)))
        prepared.push(await this.#prepareOne(mount, use));
      return prepared;
    } catch (error) {
      await this.#releaseAll(mounts, use.user);
      throw error;
    }
  }

  async #releaseAll(mounts: readonly SettledMount[], user: User): Promise<void> {
    for (const { name } of mounts) {
      if (name === undefined) continue;
      await this.#perVolume.run(name, async () => {
        const users = this.#usersOf(name);
        users.delete(user);
        if (users.size > 0) return;
        await this.#mounts.unmountSubpaths(name);
        await this.#mounts.unmountDriver(this.#store.dataDir(name));
      });
    }
  }

  async #settleOne(
    draft: MountDraft,
    { containerId, made }: { readonly containerId: string; readonly made: string[] },
  ): Promise<SettledMount> {
    if (draft.kind === "settled") return draft.mount;
    const { volume, mount } = draft;
    const isNew = volume.name === undefined || this.port.record(volume.name) === undefined;
    const { name, mountpoint, driver } = await this.port.create(volume, { containerId });
    if (isNew) made.push(name);
    return { ...mount, name, source: mountpoint, driver };
  }

  async #prepareOne(mount: SettledMount, use: Use): Promise<PreparedMount> {
    if (mount.type === "tmpfs")
      return {
        type: "tmpfs",
        source: "tmpfs",
        target: mount.target,
        options: [...mount.options, "rprivate"],
      };
    if (mount.type === "bind") return this.#prepareBind(mount);
    return this.#prepareVolume(mount, use);
  }

  async #prepareBind(mount: SettledMount): Promise<PreparedMount> {
    if (mount.createHostPath && !existsSync(mount.source))
      try {
        await mkdir(mount.source, { recursive: true, mode: 0o755 });
      } catch (cause) {
        throw new RuntimeError("invalid", `error while creating mount source path '${mount.source}'`, {
          cause,
        });
      }
    checkSource(mount);
    return {
      type: "bind",
      source: mount.source,
      target: mount.target,
      options: plainForFiles(mount.source, [...mount.options, mount.propagation, ...accessOf(mount)]),
    };
  }

  async #prepareVolume(mount: SettledMount, { rootfsDir, user }: Use): Promise<PreparedMount> {
    const { name = "", subpath, target } = mount;
    return this.#perVolume.run(name, async () => {
      const record = this.port.record(name);
      if (record === undefined) throw new RuntimeError("not-found", `get ${name}: no such volume`);
      const dataDir = this.#store.dataDir(name);
      const users = this.#usersOf(name);
      const others = [...users].filter((other) => other !== user);
      const driverMount = driverMountOf(record.options);
      if (driverMount !== undefined) await this.#mounts.mountDriver(name, driverMount, dataDir);
      if (!mount.noCopy && subpath === undefined && others.every(isVisit))
        await this.#copyUp({
          ...{ name, target, rootfsDir },
          mustKeepFolder: driverMount !== undefined || others.length > 0,
        });
      const source =
        subpath === undefined ? dataDir : await this.#mounts.mountSubpath(name, dataDir, subpath);
      users.add(user);
      return { type: "bind", source, target, options: ["rbind", "rprivate", ...accessOf(mount)] };
    });
  }

  /** The image's content for a volume that is empty; what a first container has put there is nobody's to add to. */
  async #copyUp(options: {
    readonly name: string;
    readonly target: string;
    readonly rootfsDir: string;
    /** It is a mount, or somebody is in it. */
    readonly mustKeepFolder: boolean;
  }): Promise<void> {
    const dataDir = this.#store.dataDir(options.name);
    if (!isEmptyFolder(dataDir)) return;
    const source = pinFolder(options.rootfsDir, options.target);
    if (source === undefined) return;
    try {
      if (options.mustKeepFolder) await copyUpByMoving(source, dataDir);
      else await copyUpByReplacement(source, dataDir, this.#store.stagingDir(options.name));
    } finally {
      source.close();
    }
  }

  #usersOf(name: string): Set<User> {
    const known = this.#usedBy.get(name);
    if (known !== undefined) return known;
    const users = new Set<User>(
      this.#users
        .ofVolume(name)
        .filter(({ isRunning }) => isRunning)
        .map(({ id }) => id),
    );
    this.#usedBy.set(name, users);
    return users;
  }
}

/** The id of a container that runs, or a visit. */
type User = string | symbol;

const isVisit = (user: User) => typeof user === "symbol";

interface Use {
  readonly rootfsDir: string;
  readonly user: User;
}

function checkSource({ type, source, createHostPath }: SettledMount): void {
  if (type !== "bind" || createHostPath || existsSync(source)) return;
  throw new RuntimeError(
    "invalid",
    `invalid mount config for type "bind": bind source path does not exist: ${source}`,
  );
}

/** Nothing can be mounted below a file, and crun 1.8 takes what is to be read-only with all below it for a folder. */
function plainForFiles(source: string, options: readonly string[]): readonly string[] {
  if (!options.includes("rro") || statSync(source).isDirectory()) return options;
  return [...new Set(options.map((option) => (option === "rro" ? "ro" : option)))];
}

/** Read-only includes what is mounted below, where the kernel can do that (5.12). */
function accessOf({ isReadWrite, options, target, type }: SettledMount): readonly string[] {
  if (isReadWrite) return ["rw"];
  if (options.includes("rro") && !hasRecursiveReadOnly())
    throw new RuntimeError(
      "unsupported",
      `Cannot make what is mounted below ${target} read-only: Linux ${kernelRelease()} cannot, 5.12 can`,
    );
  const isLeft = options.includes("bind") || options.includes("ro");
  const isRecursive = type === "bind" && !isLeft && hasRecursiveReadOnly();
  return isRecursive ? ["ro", "rro"] : ["ro"];
}

function hasRecursiveReadOnly(): boolean {
  const [major = 0, minor = 0] = kernelRelease().split(".").map(Number);
  return major > 5 || (major === 5 && minor >= 12);
}

function depth(target: string): number {
  return target.split("/").length;
}
