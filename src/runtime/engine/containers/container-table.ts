import { RuntimeError } from "../../index.ts";
import type { Users } from "../parts.ts";
import type { Container } from "./container.ts";
import { isRunning } from "./record.ts";

/** All containers of this engine, by id and by name. Names are taken here before anything is made. */
export class ContainerTable {
  readonly #byId = new Map<string, Container>();
  /** Name to id: of containers that exist, and of those being made or renamed. */
  readonly #names = new Map<string, string>();

  /** One change at a time of a container that is still there when its turn comes; `not-found` when it went. */
  async change<T>(container: Container, action: () => Promise<T>): Promise<T> {
    return container.lock.run(async () => {
      if (this.#byId.get(container.id) !== container)
        throw new RuntimeError("not-found", `No such container: ${container.id}`);
      return action();
    });
  }

  /** By name, full id, or unique prefix of the id, as Docker looks it up; `not-found`, `invalid`. */
  find(nameOrId: string): Container {
    const found = this.peek(nameOrId);
    if (found === undefined) throw new RuntimeError("not-found", `No such container: ${nameOrId}`);
    return found;
  }

  peek(nameOrId: string): Container | undefined {
    const key = nameOrId.replace(/^\//, "");
    const exact = this.byId(key) ?? this.byId(this.#names.get(key) ?? "") ?? this.#linked(key);
    if (exact !== undefined || !/^[0-9a-f]{1,63}$/.test(key)) return exact;
    const matches = [...this.#byId.keys()].filter((id) => id.startsWith(key));
    if (matches.length > 1)
      throw new RuntimeError("invalid", `Multiple IDs found with provided prefix: ${key}`);
    return this.#byId.get(matches[0] ?? "");
  }

  byId(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  /** `owner/alias` of a legacy link is a name of who is linked. */
  #linked(key: string): Container | undefined {
    const [ownerName = "", wanted] = key.split("/");
    if (wanted === undefined) return undefined;
    const links = this.byId(this.#names.get(ownerName) ?? "")?.record.links ?? [];
    return this.byId(links.find(({ alias }) => alias === wanted)?.containerId ?? "");
  }

  /** `already-exists` when another has it. */
  reserveName(name: string, id: string): void {
    const owner = this.#names.get(name);
    if (owner !== undefined && owner !== id)
      throw new RuntimeError(
        "already-exists",
        `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
      );
    this.#names.set(name, id);
  }

  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  isNameFree(name: string): boolean {
    return !this.#names.has(name);
  }

  add(container: Container): void {
    this.#names.set(container.record.name, container.id);
    this.#byId.set(container.id, container);
  }

  remove(container: Container): void {
    this.releaseName(container.record.name, container.id);
    this.#byId.delete(container.id);
  }

  all(): readonly Container[] {
    return [...this.#byId.values()];
  }

  /** Who uses an image or a volume, for the parts that must not take it away. */
  users(): Users {
    return {
      images: () => this.all().flatMap(imageIdsOf),
      ofImage: (imageId) =>
        this.all()
          .filter((container) => imageIdsOf(container).includes(imageId))
          .map(({ record }) => ({ id: record.id, name: record.name, isRunning: isRunning(record.state) })),
      ofVolume: (volumeName) =>
        this.all()
          .filter(({ record }) =>
            record.mounts.some(({ type, name }) => type === "volume" && name === volumeName),
          )
          .map(({ record }) => ({ id: record.id, name: record.name, isRunning: isRunning(record.state) })),
    };
  }
}

function imageIdsOf({ record }: Container): readonly string[] {
  return [record.imageId, ...record.mounts.flatMap(({ imageId }) => imageId ?? [])];
}
