import type { Users } from "../parts.ts";

/** Whose volumes may not go: containers', and those of containers that are still being made. */
export class VolumeReferences {
  readonly #users: Users;
  /** Volumes by the id of the container that is being made. */
  readonly #settling = new Map<string, Set<string>>();

  constructor(users: Users) {
    this.#users = users;
  }

  /** Ids of containers. */
  of(volumeName: string): readonly string[] {
    const made = this.#users.ofVolume(volumeName).map(({ id }) => id);
    const settling = [...this.#settling].filter(([, names]) => names.has(volumeName)).map(([id]) => id);
    return [...new Set([...made, ...settling])];
  }

  add(volumeName: string, containerId: string): void {
    const names = this.#settling.get(containerId) ?? new Set();
    this.#settling.set(containerId, names.add(volumeName));
  }

  /** The container speaks for itself from here on, or has come to nothing. */
  settled(containerId: string): void {
    this.#settling.delete(containerId);
  }
}
